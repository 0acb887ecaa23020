#include "monitor/file_claim_folder.h"

#include <string>

#include <gtest/gtest.h>

namespace hv::monitor {
namespace {

using namespace std::chrono_literals;

FileClaim claim(const std::string& path, core::FileEventKind kind = core::FileEventKind::modified) {
  FileClaim made;
  made.pid = 7;
  made.kind = kind;
  made.call = "openat";
  made.path = path;
  return made;
}

TEST(FileClaimFolder, WritesTheFirstAtOnceAndCountsItsRepetitions) {
  FileClaimFolder folder;
  EXPECT_EQ(folder.add(claim("/a"), 1s), claim("/a"));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(folder.add(claim("/a"), 1500ms), std::nullopt);
  EXPECT_TRUE(folder.add(claim("/a", core::FileEventKind::deleted), 1500ms)) << "another kind is no repetition";
  EXPECT_TRUE(folder.take_due(1900ms).empty());
  EXPECT_EQ(folder.next_due(), base::MonotonicTime(2s));
  auto due = folder.take_due(2s);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].count, 1000u);
  EXPECT_EQ(folder.add(claim("/a"), 3s), claim("/a")) << "a new window begins";
}

TEST(FileClaimFolder, PastTheRateOnlyTheNumberIsKeptAndNothingIsLost) {
  FileClaimFolder folder({.singles = 10, .tracked = 4});
  uint64_t written = 0;
  for (int i = 0; i < 1000; ++i) written += folder.add(claim("/f" + std::to_string(i)), 1s).has_value();
  EXPECT_EQ(written, 10u);
  auto rest = folder.take_all();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].path, "");
  EXPECT_EQ(rest[0].pid, 0u);
  EXPECT_EQ(rest[0].count, 990u);
  EXPECT_EQ(folder.next_due(), std::nullopt);
}

}  // namespace
}  // namespace hv::monitor
