#include "monitor/exit_follower.h"

#include <cerrno>
#include <csignal>
#include <deque>

#include <gtest/gtest.h>

namespace hv::monitor {
namespace {

using namespace std::chrono_literals;

// Ends what it is told to end.
class FakeSource final : public ExitSource {
 public:
  int fd() const override { return 99; }
  base::Result<pid_t> follow(pid_t pid) override {
    if (error_ != 0) return base::Failure(base::Error::from_errno(error_, "open", std::to_string(pid)));
    ++followed_;
    return pid;
  }
  std::vector<ProcessEnd> take() override {
    followed_ -= ended_.size();
    return std::exchange(ended_, {});
  }
  size_t followed() const override { return followed_; }

  void end(pid_t pid, std::optional<int> status) { ended_.push_back({pid, status}); }
  int error_ = 0;

 private:
  std::vector<ProcessEnd> ended_;
  size_t followed_ = 0;
};

class ExitFollowerTest : public ::testing::Test {
 protected:
  static ExitLimits small() {
    ExitLimits limits;
    limits.followed = 4;
    limits.together = 3;
    return limits;
  }
  FakeSource* source_ = new FakeSource;
  ExitFollower follower_{std::unique_ptr<ExitSource>(source_), small()};
  base::MonotonicTime now_{1h};
};

const ProcessesExited& exited(const Record& record) {
  return std::get<ProcessesExited>(record);
}
const ProcessesUnfollowed& unfollowed(const Record& record) {
  return std::get<ProcessesUnfollowed>(record);
}

TEST_F(ExitFollowerTest, TellsHowAProcessEndedWhatItRanAndHowLong) {
  follower_.attempted(7, now_);
  follower_.observed(7, "/usr/bin/make");
  source_->end(7, 2 << 8);
  auto records = follower_.take(now_ + 1500ms);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(exited(records[0]), (ProcessesExited{2 << 8, "/usr/bin/make", {{7, 1500}}}));
  EXPECT_TRUE(follower_.take(now_ + 2s).empty());
}

TEST_F(ExitFollowerTest, PutsShortOnesThatEndedAlikeTogetherAndNoOthers) {
  for (pid_t pid : {1, 2, 3, 4}) follower_.attempted(pid, now_);
  follower_.observed(3, "/bin/other");
  source_->end(1, 0);
  source_->end(2, 0);
  source_->end(3, 0);
  source_->end(4, 1 << 8);
  auto records = follower_.take(now_ + 10ms);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(exited(records[0]), (ProcessesExited{0, "", {{1, 10}, {2, 10}}}));
  EXPECT_EQ(exited(records[1]), (ProcessesExited{0, "/bin/other", {{3, 10}}}));
  EXPECT_EQ(exited(records[2]), (ProcessesExited{1 << 8, "", {{4, 10}}}));
  // Who lived for longer stands alone.
  for (pid_t pid : {1, 2}) follower_.attempted(pid, now_);
  source_->end(1, 0);
  source_->end(2, 0);
  EXPECT_EQ(follower_.take(now_ + 1s).size(), 2u);
}

TEST_F(ExitFollowerTest, ARecordIsBounded) {
  for (int round = 0; round < 2; ++round) {
    for (pid_t pid : {1, 2, 3, 4}) {
      follower_.attempted(pid, now_);
      source_->end(pid, 0);
    }
    // Makes room for the next: the numbers are used again.
    if (round == 0) follower_.attempted(1, now_);
    if (round == 0) source_->end(1, 0);
  }
  auto records = follower_.take(now_);
  size_t all = 0;
  for (const Record& record : records) {
    EXPECT_LE(exited(record).ended.size(), 3u);
    all += exited(record).ended.size();
  }
  EXPECT_EQ(all, 9u);
}

TEST_F(ExitFollowerTest, AProcessThatRunsAnotherProgramIsTheSame) {
  follower_.attempted(7, now_);
  follower_.attempted(7, now_ + 1s);
  EXPECT_EQ(source_->followed(), 1u);
  source_->end(7, 0);
  auto records = follower_.take(now_ + 2s);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(exited(records[0]).ended[0].milliseconds, 2000u);
}

TEST_F(ExitFollowerTest, ANumberThatIsUsedAgainIsAnotherProcess) {
  follower_.attempted(7, now_);
  source_->end(7, 1 << 8);
  follower_.attempted(7, now_ + 10ms);
  source_->end(7, 0);
  auto records = follower_.take(now_ + 20ms);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(exited(records[0]), (ProcessesExited{0, "", {{7, 10}}}));
  EXPECT_EQ(exited(records[1]), (ProcessesExited{1 << 8, "", {{7, 10}}}));
}

TEST_F(ExitFollowerTest, WhatIsNotToldStaysUnknown) {
  follower_.attempted(7, now_);
  source_->end(7, std::nullopt);
  auto records = follower_.take(now_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(exited(records[0]).wait_status, std::nullopt);
}

TEST_F(ExitFollowerTest, ThatThereAreTooManyIsSaidOnceAndCountedAtTheEnd) {
  for (pid_t pid : {1, 2, 3, 4, 5, 6}) follower_.attempted(pid, now_);
  auto records = follower_.take(now_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(unfollowed(records[0]).count, 2u);
  EXPECT_EQ(unfollowed(records[0]).pids, (std::vector<uint32_t>{5, 6}));
  EXPECT_NE(unfollowed(records[0]).reason.find("4 are followed"), std::string::npos);
  follower_.attempted(7, now_);
  EXPECT_TRUE(follower_.take(now_).empty());
  // Room again.
  source_->end(1, 0);
  follower_.attempted(8, now_);
  for (pid_t pid : {2, 3, 4, 8}) source_->end(pid, 0);
  records = follower_.finish(now_);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(unfollowed(records[2]).pids, (std::vector<uint32_t>{7}));
}

TEST_F(ExitFollowerTest, WhatNeverEndedIsSaidAtTheEnd) {
  follower_.attempted(7, now_);
  auto records = follower_.finish(now_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(unfollowed(records[0]).pids, (std::vector<uint32_t>{7}));
  EXPECT_TRUE(follower_.finish(now_).empty());
}

TEST_F(ExitFollowerTest, FailuresHaveOneReasonForAll) {
  source_->error_ = EMFILE;
  for (pid_t pid : {1, 2, 3, 4}) follower_.attempted(pid, now_);
  source_->error_ = ESRCH;
  follower_.attempted(5, now_);
  auto records = follower_.take(now_);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(unfollowed(records[0]).count, 4u);
  EXPECT_EQ(unfollowed(records[0]).pids.size(), 3u);
  EXPECT_EQ(unfollowed(records[1]).count, 1u);
}

TEST(ExitFollower, WithoutMeansSaysSoOnce) {
  ExitFollower follower(nullptr);
  EXPECT_EQ(follower.fd(), -1);
  follower.attempted(7, base::MonotonicTime{1h});
  follower.attempted(8, base::MonotonicTime{1h});
  auto records = follower.finish(base::MonotonicTime{1h});
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(unfollowed(records[0]).count, 0u);
  EXPECT_TRUE(follower.finish(base::MonotonicTime{1h}).empty());
}

}  // namespace
}  // namespace hv::monitor
