#include "monitor/exec_folder.h"

#include <gtest/gtest.h>

namespace hv::monitor {
namespace {

using namespace std::chrono_literals;

ExecAttempt attempt(uint32_t pid, std::string path = "/bin/no-such", size_t argument = 10) {
  return {.pid = pid,
          .parent = 1,
          .path = std::move(path),
          .arguments = {"x", std::string(argument, 'a')},
          .directory = "/w",
          .truncated = false,
          .unreadable = false};
}

TEST(ExecFolder, WritesTheFirstAndCountsTheSameAgain) {
  ExecFolder folder;
  EXPECT_EQ(folder.add(attempt(7), 1s), attempt(7));
  for (int i = 0; i < 1'000'000; ++i) EXPECT_EQ(folder.add(attempt(7), 1s + 1ms), std::nullopt);
  EXPECT_EQ(folder.add(attempt(7, "/bin/other"), 1s + 1ms), attempt(7, "/bin/other")) << "a search along PATH";
  EXPECT_EQ(folder.add(attempt(8), 1s + 1ms), attempt(8));
  EXPECT_TRUE(folder.take_due(1s + 500ms).empty());
  ASSERT_TRUE(folder.next_due());
  EXPECT_EQ(*folder.next_due(), 2s);
  std::vector<ExecFolded> due = folder.take_due(3s);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0], (ExecFolded{7, "/bin/no-such", "/w", 1'000'000}));
  EXPECT_EQ(folder.next_due(), std::nullopt);
}

TEST(ExecFolder, AProcessThatExecutesTheSameProgramWithOtherArgumentsIsNoRepetition) {
  ExecFolder folder;
  ExecAttempt shell = attempt(7, "/bin/bash");
  EXPECT_EQ(folder.add(shell, 1s), shell);
  shell.arguments = {"bash", "-c", "what matters"};
  EXPECT_EQ(folder.add(shell, 1s + 1ms), shell);
}

// Offers requests one after the other, each when the last was answered. The time it took.
base::MonotonicTime flood(ExecFolder& folder, uint32_t count, uint64_t& written, uint64_t& bytes) {
  base::MonotonicTime now = 1s;
  for (uint32_t pid = 1; pid <= count; ++pid) {
    if (auto record = folder.add(attempt(pid, "/bin/no-such", 4000), now)) {
      ++written;
      bytes += encode(*record).size();
    }
    now += folder.pause(now) + 1ms;
    static_cast<void>(folder.take_due(now));
  }
  return now - base::MonotonicTime(1s);
}

TEST(ExecFolder, SlowsAFloodDownAndLeavesNothingOut) {
  ExecLimits limits;
  limits.burst = 100'000;
  limits.per_second = 10'000;
  ExecFolder folder(limits);
  uint64_t written = 0;
  uint64_t bytes = 0;
  base::MonotonicTime took = flood(folder, 5'000, written, bytes);
  EXPECT_EQ(written, 5'000u);
  auto seconds = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(took).count());
  EXPECT_LT(bytes, limits.burst + (seconds + 1) * limits.per_second);
  EXPECT_GT(seconds, 60u);
}

TEST(ExecFolder, CutsArgumentsOnceTheBudgetIsUsedUp) {
  ExecLimits limits;
  limits.burst = 5'000;
  ExecFolder folder(limits);
  EXPECT_EQ(folder.add(attempt(1, "/a", 4000), 1s), attempt(1, "/a", 4000));
  EXPECT_EQ(folder.pause(1s).count(), 0);
  auto cut = folder.add(attempt(2, "/a", 4000), 1s);
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->truncated);
  EXPECT_EQ(cut->arguments.size(), 2u);
  EXPECT_LT(cut->arguments[1].size(), 130u);
  while (folder.pause(1s).count() == 0) EXPECT_TRUE(folder.add(attempt(3, "/b", 4000), 1s));
  EXPECT_TRUE(folder.add(attempt(4, "/c", 4000), 1s));
}

TEST(ExecFolder, AnOrdinaryBuildIsRecordedInFull) {
  ExecFolder folder;
  for (uint32_t pid = 1; pid <= 20'000; ++pid) {
    ExecAttempt compile = attempt(pid, "/usr/bin/cc", 1000);
    EXPECT_EQ(folder.add(compile, 1s + pid * 1ms), compile);
    static_cast<void>(folder.take_due(1s + pid * 1ms));
  }
}

}  // namespace
}  // namespace hv::monitor
