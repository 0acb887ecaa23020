#include "audit/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "audit/verify_fixture_test.h"

namespace hv::audit {
namespace {

TEST_F(VerifyTest, FindsNothingWrongWithALedgerThatNobodyTouched) {
  make(600);
  Report result = report();
  EXPECT_TRUE(result.intact());
  EXPECT_EQ(result.entries, 600u);
  EXPECT_EQ(result.sealed, 600u);
  EXPECT_EQ(result.origin, "example.com/test");
  EXPECT_EQ(result.keys.size(), 1u);
  EXPECT_TRUE(result.notes.empty()) << result.notes[0];
}

TEST_F(VerifyTest, FindsNothingWrongWhileTheWriterRuns) {
  auto ledger = open();
  EXPECT_TRUE(report().intact());
  record(*ledger, 300);
  EXPECT_TRUE(report().intact());
  ASSERT_TRUE(ledger->seal());
  record(*ledger, 5);
  Report result = report();
  EXPECT_TRUE(result.intact());
  EXPECT_EQ(result.entries, 305u);
  EXPECT_EQ(result.sealed, 300u);
}

TEST_F(VerifyTest, FindsNothingWrongAfterManySegmentsAndKeys) {
  Ledger::Options small = options();
  small.segment_bytes = 8192;
  auto ledger = *Ledger::open(small);
  for (int period = 0; period < 4; ++period) {
    record(*ledger, 90);
    ASSERT_TRUE(ledger->rotate());
  }
  Report result = report();
  EXPECT_TRUE(result.intact()) << result.problems[0].message;
  EXPECT_EQ(result.keys.size(), 5u);
  EXPECT_GT(result.segments, 5u);
}

TEST_F(VerifyTest, NamesAChangedEntry) {
  make(600);
  std::vector<Record> all = records();
  all[300].envelope = replaced(all[300].envelope, "exec.started", "exec.stopped");
  rewrite(all);
  EXPECT_EQ(problems(), Problems{"changed 300-300"});
}

TEST_F(VerifyTest, NamesMissingEntries) {
  make(600);
  std::vector<Record> all = records();
  all.erase(all.begin() + 10, all.begin() + 13);
  rewrite(all);
  EXPECT_EQ(problems(), Problems{"missing 10-12"});
}

TEST_F(VerifyTest, NamesInsertedEntries) {
  make(600);
  std::vector<Record> all = records();
  Record forged = all[20];
  forged.envelope = replaced(forged.envelope, "exec.started", "exec.forged1");
  all.insert(all.begin() + 20, forged);
  rewrite(all);
  EXPECT_EQ(problems(), Problems{"inserted 20-20"});
}

TEST_F(VerifyTest, NamesExchangedEntries) {
  make(600);
  std::vector<Record> all = records();
  std::swap(all[40], all[400]);
  rewrite(all);
  EXPECT_EQ(problems(), (Problems{"reordered 40-40", "reordered 400-400"}));
}

TEST_F(VerifyTest, NamesWhatWasCutOff) {
  make(600);
  std::vector<Record> all = records();
  all.resize(580);
  rewrite(all);
  EXPECT_EQ(problems(), Problems{"truncated 580-599"});
}

TEST_F(VerifyTest, NamesAnExchangedPayload) {
  make(600);
  std::vector<Record> all = records();
  all[77].payload = replaced(all[77].payload, "command", "harmful");
  std::swap(all[500].payload, all[501].payload);
  rewrite(all);
  EXPECT_EQ(problems(), (Problems{"payload_changed 77-77", "payload_changed 500-501"}));
}

TEST_F(VerifyTest, ReportsADeletedPayloadAndDoesNotCallItAFailure) {
  auto ledger = open();
  record(*ledger, 20);
  ASSERT_TRUE(ledger->delete_payloads(3, 5, "user:1000", "asked for"));
  ASSERT_TRUE(ledger->seal());
  Report result = report();
  EXPECT_TRUE(result.intact());
  EXPECT_EQ(result.deleted_payloads, (std::vector<Range>{{3, 5}}));
  EXPECT_TRUE(result.notes.empty());
}

TEST_F(VerifyTest, FindsADeletionThatNoEventAnnounces) {
  make(20);
  std::string bytes = directory.read(segment());
  size_t at = Segment::load({0, directory.path() + "/" + segment()})->offset(7);
  bytes[at + kStateOffset] = kPayloadDeleted;
  directory.write(segment(), bytes);
  Report result = report();
  EXPECT_EQ(result.deleted_payloads, (std::vector<Range>{{7, 7}}));
  EXPECT_EQ(problems(), (Problems{"payload_changed 7-7"}));
}

TEST_F(VerifyTest, TellsAWrongTileFromAWrongJournal) {
  make(600);
  directory.flip_byte("tile/0/001", 77);
  directory.flip_byte("tile/entries/002.p/88", 700);
  EXPECT_EQ(problems(), (Problems{"tile_changed", "tile_changed"}));
}

TEST_F(VerifyTest, ChecksTilesOfEarlierSizesToo) {
  make(10);
  make(10);
  for (auto [path, at] : {std::pair("tile/0/000.p/10", 77), std::pair("tile/entries/000.p/10", 700)}) {
    directory.flip_byte(path, static_cast<size_t>(at));
    EXPECT_EQ(problems(), Problems{"tile_changed"}) << path;
    directory.flip_byte(path, static_cast<size_t>(at));
    EXPECT_EQ(problems(), Problems{}) << path;
  }
}

TEST_F(VerifyTest, StillFindsAWrongTileAfterTheLedgerWentOn) {
  make(300);
  for (const char* path : {"tile/0/000", "tile/0/001.p/44", "tile/entries/001.p/44"}) {
    directory.flip_byte(path, 77);
    make(10);
    EXPECT_EQ(problems(), Problems{"tile_changed"}) << path;
    directory.flip_byte(path, 77);
    EXPECT_EQ(problems(), Problems{}) << path;
  }
}

TEST_F(VerifyTest, FindsNothingWrongAfterAPowerCutLostTheNewestTiles) {
  make(300);
  directory.write("tile/0/000", "");
  directory.write("tile/entries/001.p/44", "");
  std::filesystem::remove(directory.path() + "/tile/1/000.p/1");
  EXPECT_FALSE(report().intact());
  make(1);
  EXPECT_EQ(problems(), Problems{});
}

TEST_F(VerifyTest, ChecksWhatWasSetAsideAndWhatIsKnownOfSpools) {
  Ledger::Options small = options();
  small.segment_bytes = 4096;
  record(**Ledger::open(small), 20);
  auto last = list_segments(directory.path())->back();
  std::string name = last.path.substr(directory.path().size() + 1);
  directory.write(name, directory.read(name) + "torn end of a record");
  std::string aside;
  {
    auto ledger = open();
    ASSERT_TRUE(ledger->torn());
    aside = ledger->torn()->kept_as;
  }
  EXPECT_EQ(problems(), Problems{});
  directory.flip_byte(aside, 3);
  EXPECT_EQ(problems(), Problems{"damaged 20-20"});
  std::filesystem::remove(directory.path() + "/" + aside);
  EXPECT_EQ(problems(), Problems{});
  directory.flip_byte("journal/" + SpoolIndex::file_name(last.first_index), 30);
  EXPECT_EQ(problems(), Problems{"tile_changed"});
}

TEST_F(VerifyTest, NamesTheTileWhenJournalAndTileWereChangedAlike) {
  make(600);
  std::vector<Record> all = records();
  std::string good_upper = directory.read("tile/1/000.p/2");
  all[300].envelope = replaced(all[300].envelope, "exec.started", "exec.stopped");
  rewrite(all);
  republish(all);
  directory.write("tile/1/000.p/2", good_upper);
  EXPECT_EQ(problems(), Problems{"rewritten 256-511"});
}

TEST_F(VerifyTest, FindsAMissingCheckpointAndAMissingSegment) {
  Ledger::Options small = options();
  small.segment_bytes = 8192;
  record(**Ledger::open(small), 100);
  auto files = *list_segments(directory.path());
  ASSERT_GT(files.size(), 3u);
  std::filesystem::rename(files[1].path, directory.path() + "/aside");
  std::string gone = "missing " + std::to_string(files[1].first_index) + "-" + std::to_string(files[2].first_index - 1);
  EXPECT_EQ(problems(), Problems{gone});
  std::filesystem::rename(directory.path() + "/aside", files[1].path);
  EXPECT_TRUE(report().intact());
  std::filesystem::remove(files.back().path);
  EXPECT_EQ(problems(), Problems{"truncated " + std::to_string(files.back().first_index) + "-99"});
  std::filesystem::remove(directory.path() + "/checkpoint");
  EXPECT_EQ(problems(), Problems{"checkpoint_bad"});
}

TEST_F(VerifyTest, NotesAnUnfinishedRecordBehindTheLast) {
  make(10);
  directory.write(segment(), directory.read(segment()) + "unfinished");
  Report result = report();
  EXPECT_TRUE(result.intact());
  EXPECT_EQ(result.notes.size(), 1u);
}

TEST_F(VerifyTest, NotesEventsOfASpoolThatNeverArrived) {
  auto ledger = open();
  record(*ledger, 3);
  sequence += 4;
  record(*ledger, 3);
  Report result = report();
  EXPECT_TRUE(result.intact());
  ASSERT_EQ(result.notes.size(), 1u + 1u) << "one for the gap, one because nothing is sealed";
}

TEST_F(VerifyTest, FindsEveryFlippedByteOfTheJournal) {
  make(12);
  std::string whole = directory.read(segment());
  for (size_t at = 0; at < whole.size(); at += 7) {
    std::string changed = whole;
    changed[at] ^= 1;
    directory.write(segment(), changed);
    Report result = report();
    EXPECT_FALSE(result.intact()) << "byte " << at;
  }
}

TEST_F(VerifyTest, SaysWhenThereIsNoLedger) {
  TestDirectory empty;
  auto result = verify(empty.path());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::ErrorCode::not_found);
}

// What a verification remembers, and what it then does not look at again.
class VerifySince : public VerifyTest {
 protected:
  // Several segments and tiles, verified; then more.
  void verified_then(int first, int more) {
    auto ledger = open();
    record(*ledger, first);
    ASSERT_TRUE(ledger->seal());
    Report whole = report();
    ASSERT_TRUE(whole.intact());
    since.since = whole.checkpoint_note;
    record(*ledger, more);
    ASSERT_TRUE(ledger->seal());
  }
  VerifyOptions since;
};

TEST_F(VerifySince, LooksOnlyAtWhatCameSince) {
  verified_then(700, 333);
  Report result = report(since);
  EXPECT_TRUE(result.intact());
  EXPECT_EQ(result.from, 700u);
  EXPECT_EQ(result.entries, 1033u);
  EXPECT_TRUE(result.notes.empty()) << result.notes[0];
  // A payload of before is not looked at, one of since is.
  std::vector<Record> all = records();
  all[100].payload[3] ^= 1;
  rewrite(all);
  EXPECT_TRUE(report(since).intact());
  EXPECT_EQ(problems(), (Problems{"payload_changed 100-100"}));
  all[900].payload[3] ^= 1;
  rewrite(all);
  EXPECT_EQ(problems(since), (Problems{"payload_changed 100-100", "payload_changed 900-900"}))
      << "once anything is found, all is looked at";
}

TEST_F(VerifySince, FindsWhatDoesNotContinueWhatWasVerified) {
  verified_then(300, 40);
  std::vector<Record> all = records();
  all[320].envelope[all[320].envelope.find("exec.started")] = 'f';
  rewrite(all);
  EXPECT_EQ(problems(since), (Problems{"changed 320-320"}));
  // Signed anew from the first entry on by the right key, as only who has the key can.
  TestDirectory other;
  VerifyOptions of_other;
  {
    Ledger::Options with = options();
    with.directory = other.path();
    with.clock = &clock;
    auto ledger = *Ledger::open(with);
    record(*ledger, 300);
    ASSERT_TRUE(ledger->seal());
    of_other.since = verify(other.path())->checkpoint_note;
  }
  EXPECT_THAT(problems(of_other), testing::Contains(testing::HasSubstr("key_swapped")));
}

TEST_F(VerifySince, FindsALedgerThatWasSetBack) {
  verified_then(300, 40);
  VerifyOptions newer;
  newer.since = report().checkpoint_note;
  directory.write("checkpoint", *since.since);
  std::vector<Record> all = records();
  all.resize(300);
  rewrite(all);
  EXPECT_EQ(problems(newer), (Problems{"rolled_back 300-339"}));
}

TEST_F(VerifySince, LooksAtAllWhenTheTilesHaveNotWhatWasVerified) {
  verified_then(300, 40);
  directory.flip_byte("tile/1/000.p/1", 20);
  Report result = report(since);
  EXPECT_EQ(result.from, 0u);
  EXPECT_THAT(problems(since), testing::Contains(testing::HasSubstr("tile_changed")));
}

}  // namespace
}  // namespace hv::audit
