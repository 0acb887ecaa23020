// A ledger in which a newer program has written: this one keeps what it cannot read, goes on behind it, and proves it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "audit/bundle.h"
#include "audit/export.h"
#include "audit/ledger_fixture_test.h"
#include "audit/raw_record_test.h"
#include "audit/verify.h"
#include "base/format.h"

namespace hv::audit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kPayload = R"({"answer":42})";

std::string later(uint64_t index) {
  return base::format(R"({{"v":2,"index":{},"happened":{{"what":"new","when":[2027,1,1]}},"kind":7}})", index);
}

class LaterEntries : public LedgerTest {
 protected:
  // Three of ours, two of a newer program, the ledger's own about those, two of ours again; sealed.
  void make() {
    {
      auto ledger = open();
      for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(ledger->record(spooled(i)));
    }
    append_raw(directory.path(), later(3), kPayload);
    append_raw(directory.path(), later(4), "no JSON at all");
    auto ledger = open();
    EXPECT_FALSE(ledger->torn());
    for (uint64_t i = 4; i <= 5; ++i) ASSERT_TRUE(ledger->record(spooled(i)));
  }
  Report verified() {
    auto report = verify(directory.path(), {});
    EXPECT_TRUE(report) << report.error().text();
    for (const Problem& problem : report->problems) ADD_FAILURE() << problem.message;
    return *std::move(report);
  }
};

TEST_F(LaterEntries, AreKeptCountedAndProvenByteForByte) {
  make();
  Reader reader(directory.path());
  EXPECT_EQ(*reader.size(), 8u);
  for (uint64_t index : {3u, 4u}) {
    base::Result<Entry> entry = reader.at(index);
    ASSERT_TRUE(entry) << entry.error().text();
    EXPECT_EQ(entry->envelope.version, 2u);
    EXPECT_EQ(entry->envelope_text, later(index));
    EXPECT_EQ(*TileTree(directory.path(), 8).entry(index), later(index));
    EXPECT_EQ(to_event(*entry).error().code(), base::ErrorCode::unsupported);
  }
  EXPECT_EQ(reader.at(3)->payload, kPayload);
  EXPECT_EQ(checkpoint().size, 8u);
  Report report = verified();
  EXPECT_THAT(report.later_entries, ElementsAre(Range{3, 4}));
  EXPECT_THAT(report.notes,
              testing::Contains(HasSubstr("entries 3 to 4: of a version that this program does not know")));
}

TEST_F(LaterEntries, GoAlongWhenTheirSegmentIsPackedAndPruned) {
  make();
  Ledger::Options with = options();
  with.segment_bytes = 1;
  auto ledger = open(with);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ledger->record(event_of("exec.exited")));
  ASSERT_TRUE(ledger->seal());
  ASSERT_TRUE(*ledger->pack_next());
  EXPECT_EQ(Reader(directory.path()).at(3)->envelope_text, later(3));
  EXPECT_EQ(Reader(directory.path()).at(4)->payload, "no JSON at all");
  EXPECT_THAT(verified().later_entries, ElementsAre(Range{3, 4}));
  ASSERT_TRUE(*ledger->prune(8, "user:0", "test"));
  ledger.reset();
  (void)verified();
}

TEST_F(LaterEntries, ChangedAfterTheyWereSealedAreFound) {
  make();
  std::string bytes = directory.read(segment());
  // A whole frame with checksums that fit, of the same length.
  std::string forged = later(3);
  forged.replace(forged.find("new"), 3, "old");
  std::string was;
  std::string is;
  append_frame(was, later(3), std::string(kSaltSize, 's'), kPayload);
  append_frame(is, forged, std::string(kSaltSize, 's'), kPayload);
  ASSERT_NE(bytes.find(was), std::string::npos);
  directory.write(segment(), bytes.replace(bytes.find(was), was.size(), is));
  auto report = verify(directory.path(), {});
  ASSERT_TRUE(report);
  ASSERT_FALSE(report->intact());
  EXPECT_EQ(report->problems[0].entries, (Range{3, 3}));
}

TEST_F(LaterEntries, AtAnotherPlaceThanTheirsAreRefused) {
  {
    ASSERT_TRUE(open()->record(spooled(1)));
  }
  append_raw(directory.path(), later(7), kPayload);
  EXPECT_FALSE(Ledger::open(options()));
}

TEST_F(LaterEntries, CostNoEventOfASpoolItsRecord) {
  {
    ASSERT_TRUE(open()->record(spooled(1)));
  }
  // Whether this is the spool's second event nobody here can say.
  append_raw(directory.path(), R"({"v":2,"index":1,"origin":{"spool":"s0123456789abcdef","sequence":2}})", kPayload);
  auto ledger = open();
  EXPECT_EQ(ledger->last_sequence("s0123456789abcdef"), 1u);
  uint64_t size = ledger->size();
  EXPECT_EQ(*ledger->record(spooled(2)), size);
}

TEST_F(LaterEntries, KeepTheirPayloads) {
  make();
  auto ledger = open();
  base::Status deleted = ledger->delete_payloads(2, 4, "user:0", "test");
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code(), base::ErrorCode::denied);
  EXPECT_THAT(deleted.error().message(), HasSubstr("version 2"));
  ASSERT_TRUE(ledger->forget_payloads(8, "user:0", "test"));
  EXPECT_EQ(Reader(directory.path()).at(3)->payload, kPayload);
  EXPECT_EQ(Reader(directory.path()).at(2)->payload_state, PayloadState::deleted);
  ASSERT_TRUE(ledger->seal());
  (void)verified();
}

TEST_F(LaterEntries, AreInABundleAndHold) {
  make();
  auto writer = BundleWriter::begin(directory.path(), std::nullopt);
  ASSERT_TRUE(writer) << writer.error().text();
  std::string path = directory.path() + "/a.bundle";
  {
    std::ofstream file(path);
    file << writer->header();
    for (const Entry& entry : *Reader(directory.path()).list({})) file << *writer->line(entry);
    file << writer->end();
  }
  auto report = check_bundle(path, std::nullopt);
  ASSERT_TRUE(report) << report.error().text();
  for (const Problem& problem : report->problems) ADD_FAILURE() << problem.message;
  EXPECT_EQ(report->entries, 8u);
  EXPECT_THAT(report->later_entries, ElementsAre(Range{3, 4}));
}

TEST_F(LaterEntries, AnswerNoQuestionAboutWhatTheySay) {
  make();
  Reader reader(directory.path());
  EXPECT_EQ(reader.list({})->size(), 8u);
  Query unknown;
  unknown.kind_prefix = "unknown";
  EXPECT_EQ(reader.list(unknown)->size(), 2u);
  Query others;
  others.since = base::WallTime::min();
  EXPECT_EQ(reader.list(others)->size(), 6u);
  EXPECT_EQ(reader.list({.sandbox = "s0123456789abcdef"})->size(), 5u);
}

}  // namespace
}  // namespace hv::audit
