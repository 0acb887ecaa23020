#include "supervisor/time_limits.h"

#include <gtest/gtest.h>

namespace hv::supervisor {
namespace {

using namespace std::chrono_literals;
using Kind = TimeLimits::Kind;

constexpr base::MonotonicTime at(std::chrono::milliseconds time) {
  return base::MonotonicTime(1h) + time;
}

TEST(TimeLimits, WarnOnceAndThenEnd) {
  TimeLimits limits(100s, 0s, at(0s));
  EXPECT_EQ(limits.next(at(0s)), 90s);
  EXPECT_FALSE(limits.take_due(at(89s)));
  auto warning = limits.take_due(at(91s));
  ASSERT_TRUE(warning);
  EXPECT_EQ(warning->kind, Kind::wall);
  EXPECT_EQ(warning->left, 9s);
  EXPECT_FALSE(limits.take_due(at(92s)));
  EXPECT_EQ(limits.next(at(92s)), 8s);
  auto end = limits.take_due(at(100s));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->left, 0s);
  EXPECT_EQ(end->limit, 100s);
}

TEST(TimeLimits, WarnAtMostFiveMinutesBefore) {
  TimeLimits limits(2h, 0s, at(0s));
  EXPECT_EQ(limits.next(at(0s)), 115min);
}

TEST(TimeLimits, OfIdleTimeStartAnewWithEachActivity) {
  TimeLimits limits(0s, 10s, at(0s));
  EXPECT_EQ(limits.take_due(at(9500ms))->kind, Kind::idle);
  limits.touch(at(9600ms));
  EXPECT_FALSE(limits.take_due(at(10s)));
  EXPECT_TRUE(limits.take_due(at(18600ms))) << "warned again, since it had not been idle";
  EXPECT_EQ(limits.take_due(at(19600ms))->left, 0s);
}

TEST(TimeLimits, StandStillWhilePaused) {
  TimeLimits limits(100s, 50s, at(0s));
  limits.pause(at(10s));
  EXPECT_FALSE(limits.take_due(at(1000s)));
  EXPECT_FALSE(limits.next(at(1000s)));
  limits.resume(at(1000s));
  EXPECT_FALSE(limits.take_due(at(1010s)));
  EXPECT_EQ(limits.take_due(at(1040s))->kind, Kind::idle);
}

TEST(TimeLimits, OfTheHoursGoOnWhilePausedAndAreNotExtended) {
  TimeLimits limits(1000s, 0s, at(0s), 100s);
  EXPECT_EQ(limits.take_due(at(95s))->kind, Kind::window);
  limits.extend(60s, at(95s));
  limits.pause(at(96s));
  EXPECT_FALSE(limits.take_due(at(200s))) << "what is frozen cannot end";
  limits.resume(at(200s));
  auto end = limits.take_due(at(200s));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->kind, Kind::window);
  EXPECT_EQ(end->left, 0s);
}

TEST(TimeLimits, AreExtendedAlsoAfterTheWarning) {
  TimeLimits limits(100s, 10s, at(0s));
  limits.touch(at(90s));
  EXPECT_EQ(limits.take_due(at(95s))->kind, Kind::wall);
  limits.extend(60s, at(95s));
  EXPECT_FALSE(limits.take_due(at(105s)));
  limits.touch(at(120s));
  EXPECT_FALSE(limits.take_due(at(149s))) << "a touch does not shorten what was granted";
  EXPECT_EQ(limits.take_due(at(150s))->left, 10s) << "of the 100 s and the 60 s more";
  EXPECT_EQ(limits.take_due(at(155s))->kind, Kind::idle);
}

TEST(TimeLimits, WithoutAnyNothingIsEverDue) {
  TimeLimits limits(0s, 0s, at(0s));
  EXPECT_FALSE(limits.next(at(0s)));
  EXPECT_FALSE(limits.take_due(at(1000h)));
}

}  // namespace
}  // namespace hv::supervisor
