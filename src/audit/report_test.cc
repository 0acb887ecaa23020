#include "audit/report.h"

#include <gtest/gtest.h>

namespace hv::audit {
namespace {

TEST(Report, OfAnIntactLedgerHasNoFaults) {
  Report report;
  report.entries = 7;
  report.sealed = 6;
  report.keys = {"one", "two"};
  core::VerifyReport short_report = summary(report);
  EXPECT_TRUE(short_report.intact);
  EXPECT_EQ(short_report.entries, 7u);
  EXPECT_EQ(short_report.sealed, 6u);
  EXPECT_EQ(short_report.keys, 2u);
  EXPECT_EQ(short_report.root_hash, "");
}

TEST(Report, NamesTheEntriesOfEveryProblem) {
  Report report;
  report.problems = {{ProblemKind::missing, Range{3, 5}, "gone"},
                     {ProblemKind::tile_changed, std::nullopt, "a\x1b[0m"}};
  core::VerifyReport short_report = summary(report);
  EXPECT_FALSE(short_report.intact);
  ASSERT_EQ(short_report.faults.size(), 2u);
  EXPECT_EQ(short_report.faults[0].index, 3u);
  EXPECT_EQ(short_report.faults[0].what, "entries 3-5: missing: gone");
  EXPECT_EQ(short_report.faults[1].index, std::nullopt);
  EXPECT_EQ(short_report.faults[1].what.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace hv::audit
