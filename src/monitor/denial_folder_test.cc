#include "monitor/denial_folder.h"

#include <cerrno>

#include <gtest/gtest.h>
#include <sys/syscall.h>

namespace hv::monitor {
namespace {

using namespace std::chrono_literals;

DeniedCall call(uint32_t pid, int number = SYS_keyctl) {
  return {.pid = pid, .number = number, .error = EPERM, .arguments = {}};
}

TEST(DenialFolder, WritesTheFirstCallAtOnceAndCountsItsRepetitions) {
  DenialFolder folder;
  EXPECT_EQ(folder.add(call(1), 1s), call(1));
  for (int i = 0; i < 1000000; ++i) EXPECT_EQ(folder.add(call(1), 1500ms), std::nullopt);
  EXPECT_TRUE(folder.take_due(1900ms).empty());
  EXPECT_EQ(folder.next_due(), base::MonotonicTime(2s));
  auto due = folder.take_due(2s);
  ASSERT_EQ(due.size(), 1);
  EXPECT_EQ(due[0].count, 1000000);
  EXPECT_EQ(folder.next_due(), std::nullopt);
}

TEST(DenialFolder, WritesNothingMoreForACallThatWasNotRepeated) {
  DenialFolder folder;
  folder.add(call(1), 1s);
  EXPECT_TRUE(folder.take_due(5s).empty());
  EXPECT_EQ(folder.add(call(1), 6s), call(1)) << "a new window begins";
}

TEST(DenialFolder, TellsProcessesAndCallsApart) {
  DenialFolder folder;
  EXPECT_TRUE(folder.add(call(1), 1s));
  EXPECT_TRUE(folder.add(call(2), 1s));
  EXPECT_TRUE(folder.add(call(1, SYS_bpf), 1s));
}

TEST(DenialFolder, FoldsAFloodOfProcessesIntoOneRecordThatCountsThemAll) {
  DenialFolder folder;
  uint64_t written = 0;
  uint64_t counted = 0;
  for (uint32_t pid = 1; pid <= 100000; ++pid) {
    base::MonotonicTime now = 1s + pid * 10us;
    if (folder.add(call(pid), now)) ++written, ++counted;
    for (const DeniedCall& due : folder.take_due(now)) ++written, counted += due.count;
  }
  for (const DeniedCall& due : folder.take_all()) ++written, counted += due.count;
  EXPECT_EQ(counted, 100000);
  EXPECT_LE(written, 150) << "one second of flood";
}

TEST(DenialFolder, KeepsNoMoreThanItsBoundHoweverManyCallsThereAre) {
  DenialFolder folder({.window = 1h, .singles = 4, .tracked = 4});
  uint64_t counted = 0;
  for (uint32_t pid = 1; pid <= 1000; ++pid)
    if (folder.add(call(pid, static_cast<int>(pid % 3)), 1h)) ++counted;
  auto rest = folder.take_all();
  EXPECT_LE(rest.size(), 4 + 3);
  for (const DeniedCall& due : rest) counted += due.count;
  EXPECT_EQ(counted, 1000);
}

}  // namespace
}  // namespace hv::monitor
