#include <filesystem>

#include <gtest/gtest.h>

#include "audit/bundle.h"
#include "audit/ledger_fixture_test.h"
#include "audit/verify.h"

namespace hv::audit {
namespace {

class PruneTest : public LedgerTest {
 protected:
  Ledger::Options small_segments() {
    Ledger::Options with = options();
    with.segment_bytes = 40'000;
    return with;
  }
  void record(Ledger& ledger, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) ASSERT_TRUE(ledger.record(spooled(++sequence_)));
    ASSERT_TRUE(ledger.seal());
  }
  std::string problems() {
    auto report = verify(directory.path());
    std::string text;
    for (const Problem& problem : report->problems) text += problem.message + "\n";
    return text;
  }
  uint64_t sequence_ = 0;
};

TEST_F(PruneTest, RemovesWholeSegmentsAndTheRestStillVerifies) {
  auto ledger = open(small_segments());
  record(*ledger, 1000);
  ASSERT_TRUE(ledger->rotate());
  std::vector<SegmentFile> segments = *list_segments(directory.path());
  ASSERT_GT(segments.size(), 6u);
  uint64_t keep = segments[5].first_index;
  auto range = ledger->prune(keep + 3, "user:0", "they are old");
  ASSERT_TRUE(range) << range.error().text();
  ASSERT_TRUE(*range);
  EXPECT_EQ(**range, (Range{0, keep - 1}));
  EXPECT_EQ(first_entry(*list_segments(directory.path())), keep);
  EXPECT_EQ(problems(), "");
  auto report = verify(directory.path());
  ASSERT_FALSE(report->notes.empty());
  EXPECT_NE(report->notes[0].find("pruned by user:0"), std::string::npos) << report->notes[0];
  EXPECT_NE(report->notes[0].find("they are old"), std::string::npos);

  // What is gone says so, and what is not can be read and proved.
  Reader reader(directory.path());
  auto gone = reader.at(3);
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message().find("pruned"), std::string::npos);
  EXPECT_EQ(reader.list({})->front().envelope.index, keep);
  auto proof = prove_entry(directory.path(), keep);
  EXPECT_TRUE(proof) << proof.error().text();
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/" + entries_path(0)));

  // Opened again it goes on, knows every spool, and can be pruned further.
  ledger.reset();
  ledger = open(small_segments());
  ASSERT_TRUE(ledger);
  EXPECT_EQ(ledger->last_sequence("s0123456789abcdef"), 1000u);
  record(*ledger, 300);
  EXPECT_EQ(problems(), "");
  auto again = ledger->prune(ledger->size(), "user:0", "more");
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->first, keep);
  EXPECT_EQ(problems(), "");
  EXPECT_FALSE(*ledger->prune(0, "user:0", "nothing"));
}

TEST_F(PruneTest, ABeginningThatIsGoneWithoutAWordIsMissing) {
  uint64_t keep = 0;
  {
    auto ledger = open(small_segments());
    record(*ledger, 1000);
    std::vector<SegmentFile> segments = *list_segments(directory.path());
    keep = segments[3].first_index;
    for (size_t i = 0; i < 3; ++i) std::filesystem::remove(segments[i].path);
  }
  auto report = verify(directory.path());
  ASSERT_EQ(report->problems.size(), 1u) << problems();
  EXPECT_EQ(report->problems[0].kind, ProblemKind::missing);
  EXPECT_EQ(report->problems[0].entries, (Range{0, keep - 1}));
}

TEST_F(PruneTest, AfterAnAnnouncedPruningMoreThatIsGoneIsMissing) {
  uint64_t keep = 0;
  uint64_t more = 0;
  {
    auto ledger = open(small_segments());
    record(*ledger, 1000);
    std::vector<SegmentFile> segments = *list_segments(directory.path());
    keep = segments[3].first_index;
    more = segments[4].first_index;
    ASSERT_TRUE(ledger->prune(keep, "user:0", "old"));
    std::filesystem::remove(segments[3].path);
  }
  auto report = verify(directory.path());
  ASSERT_FALSE(report->intact());
  EXPECT_EQ(report->problems[0].kind, ProblemKind::missing);
  EXPECT_EQ(report->problems[0].entries, (Range{keep, more - 1}));
}

TEST_F(PruneTest, AChangedHashOfAPrunedEntryIsFound) {
  {
    auto ledger = open(small_segments());
    record(*ledger, 1000);
    ASSERT_TRUE(*ledger->prune(600, "user:0", "old"));
  }
  directory.flip_byte(tile_path(0, 0), 100);
  EXPECT_NE(problems(), "");
}

TEST_F(PruneTest, LostTilesAreMadeAgainFromTheHashesThatAreLeft) {
  {
    auto ledger = open(small_segments());
    record(*ledger, 1000);
    ASSERT_TRUE(*ledger->prune(600, "user:0", "old"));
  }
  std::filesystem::remove_all(directory.path() + "/tile/1");
  auto ledger = open(small_segments());
  ASSERT_TRUE(ledger);
  record(*ledger, 10);
  EXPECT_EQ(problems(), "");
}

TEST_F(PruneTest, ForgetsPayloadsButNotTheLedgersOwn) {
  auto ledger = open(small_segments());
  record(*ledger, 300);
  ASSERT_TRUE(ledger->rotate());
  record(*ledger, 100);
  auto range = ledger->forget_payloads(350, "user:0", "90 days");
  ASSERT_TRUE(range && *range);
  EXPECT_EQ(**range, (Range{0, 349}));
  Reader reader(directory.path());
  EXPECT_EQ(reader.at(0)->payload_state, PayloadState::deleted);
  EXPECT_EQ(reader.at(300)->envelope.kind, "ledger.key_rotated");
  EXPECT_EQ(reader.at(300)->payload_state, PayloadState::present);
  EXPECT_EQ(reader.at(349)->payload_state, PayloadState::deleted);
  EXPECT_EQ(reader.at(350)->payload_state, PayloadState::present);
  ASSERT_TRUE(ledger->seal());
  EXPECT_EQ(problems(), "");
  // The next time only what has come since.
  auto next = ledger->forget_payloads(360, "user:0", "90 days");
  ASSERT_TRUE(next && *next);
  EXPECT_EQ(**next, (Range{350, 359}));
}

}  // namespace
}  // namespace hv::audit
