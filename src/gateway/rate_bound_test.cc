#include "gateway/rate_bound.h"

#include <gtest/gtest.h>

namespace hv::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// What can be taken until `end` by somebody who asks every millisecond.
uint64_t taken_until(TokenBucket& bucket, base::MonotonicTime begin, base::MonotonicTime end) {
  uint64_t taken = 0;
  for (base::MonotonicTime now = begin; now <= end; now += milliseconds(1))
    while (bucket.available(now) >= bucket.slice()) {
      bucket.take(bucket.slice());
      taken += bucket.slice();
    }
  return taken;
}

TEST(TokenBucket, LetsAsMuchThroughAsItsRateHoweverLargeOrSmall) {
  constexpr base::MonotonicTime kStart = std::chrono::hours(5);
  for (uint64_t rate : {uint64_t{1024}, uint64_t{64} << 10, uint64_t{10'000'000}, uint64_t{1} << 32}) {
    TokenBucket bucket(rate, kStart);
    EXPECT_EQ(bucket.available(kStart), 0U) << "it begins with nothing";
    uint64_t taken = taken_until(bucket, kStart, kStart + std::chrono::seconds(10));
    EXPECT_LE(taken, rate * 10) << rate;
    EXPECT_GE(taken, rate * 10 - rate / 10 - 512) << rate;
  }
}

TEST(TokenBucket, SavesATenthOfASecondAndNoMore) {
  TokenBucket bucket(1'000'000, milliseconds(0));
  EXPECT_EQ(bucket.available(milliseconds(50)), 50'000U);
  EXPECT_EQ(bucket.available(std::chrono::hours(1)), 100'000U);
  bucket.take(100'000);
  EXPECT_EQ(bucket.available(std::chrono::hours(1)), 0U);
  // A clock that goes back neither gives nor takes.
  EXPECT_EQ(bucket.available(milliseconds(0)), 0U);
  EXPECT_EQ(bucket.available(std::chrono::hours(1) + milliseconds(1)), 1'000U);
}

TEST(TokenBucket, SaysWhenAPortionWillBeThere) {
  for (uint64_t rate : {uint64_t{1024}, uint64_t{1'000'000}, uint64_t{1} << 40}) {
    TokenBucket bucket(rate, milliseconds(0));
    nanoseconds wait = bucket.until_portion(milliseconds(0));
    EXPECT_GT(wait.count(), 0);
    EXPECT_GE(bucket.available(wait) + 1, bucket.portion()) << rate;
    EXPECT_EQ(bucket.until_portion(wait + milliseconds(1)).count(), 0) << rate;
    EXPECT_LE(bucket.slice(), bucket.portion()) << "or nobody would ever have a turn";
  }
}

struct FakeClock : base::Clock {
  base::MonotonicTime now{};
  base::WallTime wall() const override { return {}; }
  base::MonotonicTime monotonic() const override { return now; }
};

struct Line {
  base::EventLoop loop = *base::EventLoop::create();
  FakeClock clock;
  RateBound rate{loop, clock};
  std::string called;
  void wait(char who) {
    rate.wait([this, who] { called += who; });
  }
  // The loop's own timers are real ones, a millisecond apart; what they find is by the fake clock.
  void turn() {
    loop.after(milliseconds(30), [this] { loop.stop(); });
    ASSERT_TRUE(loop.run());
  }
};

TEST(RateBound, WithoutABoundNothingIsCountedAndNobodyWaits) {
  Line line;
  EXPECT_FALSE(line.rate.holds());
  EXPECT_EQ(line.rate.allowance(), SIZE_MAX);
  line.rate.take(size_t{1} << 40);
  EXPECT_EQ(line.rate.allowance(), SIZE_MAX);
}

TEST(RateBound, CallsInTheOrderOfAskingAsManyAsThereAreTurnsFor) {
  Line line;
  line.rate.set(1'000'000);
  EXPECT_EQ(line.rate.allowance(), 0U);
  for (char who : {'a', 'b', 'c', 'd', 'e', 'f'}) line.wait(who);
  line.turn();
  EXPECT_EQ(line.called, "") << "the clock stands still";
  line.clock.now = milliseconds(20);
  line.turn();
  EXPECT_EQ(line.called.substr(0, 4), "abcd") << "a portion is four turns";
  size_t slice = line.rate.allowance();
  EXPECT_EQ(slice, 5'000U);
  for (int i = 0; i < 4; ++i) line.rate.take(slice);
  EXPECT_EQ(line.rate.allowance(), 0U);
}

TEST(RateBound, LiftedItCallsAllWhoWait) {
  Line line;
  line.rate.set(1024);
  for (char who : {'a', 'b', 'c'}) line.wait(who);
  line.rate.set(0);
  EXPECT_EQ(line.rate.allowance(), SIZE_MAX);
  line.turn();
  EXPECT_EQ(line.called, "abc");
}

TEST(RateBound, ANewRateHoldsForThoseWhoWaitAlready) {
  Line line;
  line.rate.set(1024);
  line.wait('a');
  line.rate.set(1'000'000);
  line.clock.now = milliseconds(20);
  line.turn();
  EXPECT_EQ(line.called, "a");
}

}  // namespace
}  // namespace hv::gateway
