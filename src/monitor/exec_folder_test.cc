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

uint64_t counted(const std::vector<ExecFolded>& folded) {
  uint64_t sum = 0;
  for (const ExecFolded& one : folded) sum += one.count;
  return sum;
}

TEST(ExecFolder, WritesTheFirstAndCountsTheSameAgain) {
  ExecFolder folder;
  EXPECT_EQ(folder.add(attempt(7), 1s), attempt(7));
  for (int i = 0; i < 1'000'000; ++i) EXPECT_EQ(folder.add(attempt(7, "/bin/no-such", 4000), 1s + 1ms), std::nullopt);
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

TEST(ExecFolder, KeepsWithinItsBudgetHoweverManyProcessesAsk) {
  ExecLimits limits;
  limits.burst = 100'000;
  limits.per_second = 1'000;
  ExecFolder folder(limits);
  uint64_t written = 0;
  uint64_t bytes = 0;
  uint64_t folded = 0;
  for (uint32_t pid = 1; pid <= 100'000; ++pid) {
    base::MonotonicTime now = 1s + pid * 100us;
    if (auto record = folder.add(attempt(pid, "/bin/no-such", 4000), now)) {
      ++written;
      bytes += encode(*record).size();
    }
    for (const ExecFolded& one : folder.take_due(now)) folded += one.count, bytes += encode(one).size();
  }
  folded += counted(folder.take_all());
  EXPECT_EQ(written + folded, 100'000u) << "each is counted once";
  EXPECT_LT(bytes, 150'000u);
  EXPECT_GT(written, 25u);
}

TEST(ExecFolder, CutsArgumentsBeforeItCounts) {
  ExecLimits limits;
  limits.burst = 5'000;
  limits.per_second = 0;
  ExecFolder folder(limits);
  EXPECT_EQ(folder.add(attempt(1, "/a", 4000), 1s), attempt(1, "/a", 4000));
  auto cut = folder.add(attempt(2, "/a", 4000), 1s);
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->truncated);
  EXPECT_EQ(cut->arguments.size(), 2u);
  EXPECT_LT(cut->arguments[1].size(), 130u);
  EXPECT_EQ(folder.add(attempt(3, "/b", 4000), 1s), std::nullopt);
  EXPECT_EQ(folder.add(attempt(4, "/c", 4000), 1s), std::nullopt);
  std::vector<ExecFolded> all = folder.take_all();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0], (ExecFolded{0, "/c", "/w", 2}));
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
