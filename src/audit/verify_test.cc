#include "audit/verify.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "audit/ledger.h"
#include "audit/test_directory.h"
#include "audit/tile_tree.h"
#include "base/text.h"

namespace hv::audit {
namespace {

using std::chrono_literals::operator""h;

struct Record {
  std::string envelope;
  std::string salt;
  std::string payload;
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// A ledger of `count` sealed entries, and what a person with write access to its files could do to it.
class VerifyTest : public testing::Test {
 protected:
  Ledger::Options options() {
    Ledger::Options result;
    result.directory = directory.path();
    result.origin = "example.com/test";
    result.clock = &clock;
    result.seal_interval = 1h;
    result.key_period = 0h;
    return result;
  }
  std::unique_ptr<Ledger> open() {
    auto ledger = Ledger::open(options());
    EXPECT_TRUE(ledger) << ledger.error().text();
    return ledger ? *std::move(ledger) : nullptr;
  }
  void record(Ledger& ledger, int count) {
    for (int i = 0; i < count; ++i) {
      core::Event event;
      event.kind = "exec.started";
      event.sandbox = "s0123456789abcdef";
      event.origin = core::Origin{"s0123456789abcdef", ++sequence};
      event.payload = {{"argv", "command " + std::to_string(sequence)}};
      ASSERT_TRUE(ledger.record(event));
    }
  }
  void make(int count) { record(*open(), count); }

  Report report(const VerifyOptions& with = {}) {
    auto result = verify(directory.path(), with);
    EXPECT_TRUE(result) << result.error().text();
    return result ? *std::move(result) : Report{};
  }
  // The problems as "kind first-last", without their messages.
  std::vector<std::string> problems(const VerifyOptions& with = {}) {
    std::vector<std::string> result;
    for (const Problem& problem : report(with).problems) {
      std::string text(problem_name(problem.kind));
      if (problem.entries)
        text += " " + std::to_string(problem.entries->first) + "-" + std::to_string(problem.entries->last);
      result.push_back(text);
    }
    return result;
  }

  std::string segment() { return "journal/" + segment_name(0); }
  std::vector<Record> records() {
    Segment loaded = *Segment::load({0, directory.path() + "/" + segment()});
    std::vector<Record> result;
    for (uint64_t i = 0; i < loaded.count(); ++i) {
      Frame frame = loaded.frame(i);
      result.push_back({std::string(frame.envelope), std::string(frame.salt), std::string(frame.payload)});
    }
    return result;
  }
  // With right checksums: whoever alters a journal can compute them.
  void rewrite(const std::vector<Record>& with) {
    std::string bytes = directory.read(segment()).substr(0, kSegmentHeaderSize);
    for (const Record& record : with) bytes += encode_frame(record.envelope, record.salt, record.payload);
    directory.write(segment(), bytes);
  }
  // The tiles of these records, as the ledger would publish them, and their root.
  Digest republish(const std::vector<Record>& with) {
    TreeWriter tree(directory.path(), system_files());
    for (const Record& record : with) tree.append(record.envelope);
    EXPECT_TRUE(tree.publish());
    return tree.root();
  }

  TestDirectory directory;
  TestClock clock;
  uint64_t sequence = 0;
};

using Problems = std::vector<std::string>;

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

TEST_F(VerifyTest, NotesADeletionThatNoEventAnnounces) {
  make(20);
  std::string bytes = directory.read(segment());
  size_t at = Segment::load({0, directory.path() + "/" + segment()})->offset(7);
  bytes[at + kStateOffset] = kPayloadDeleted;
  directory.write(segment(), bytes);
  Report result = report();
  EXPECT_EQ(result.deleted_payloads, (std::vector<Range>{{7, 7}}));
  EXPECT_EQ(result.notes.size(), 1u);
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

TEST_F(VerifyTest, FindsAHistoryRewrittenThroughoutWithoutItsKey) {
  make(600);
  std::vector<Record> all = records();
  all[300].envelope = replaced(all[300].envelope, "exec.started", "exec.stopped");
  rewrite(all);
  republish(all);
  EXPECT_EQ(problems(), Problems{"rewritten 0-599"});
}

TEST_F(VerifyTest, FindsACheckpointSignedByAStranger) {
  make(600);
  std::vector<Record> all = records();
  all[300].envelope = replaced(all[300].envelope, "exec.started", "exec.stopped");
  rewrite(all);
  auto stranger = base::SigningKey::generate();
  std::string name = "example.com/test";
  directory.write("checkpoint", sign_note(Checkpoint{name, 600, republish(all)}.text(), {{name, *stranger}}));
  EXPECT_EQ(problems(), Problems{"key_swapped 0-599"});
}

TEST_F(VerifyTest, FindsAFirstKeyThatWasExchanged) {
  VerifierKey first;
  {
    auto ledger = open();
    first = ledger->verifier_key();
    record(*ledger, 10);
  }
  VerifyOptions trusting_first;
  trusting_first.first_key = first;
  EXPECT_TRUE(report(trusting_first).intact());
  auto stranger = base::SigningKey::generate();
  std::string name = "example.com/test";
  directory.write("keys/0.vkey", VerifierKey::of(name, *stranger).text() + "\n");
  directory.write("checkpoint", sign_note(Checkpoint{name, 10, republish(records())}.text(), {{name, *stranger}}));
  EXPECT_TRUE(report().intact()) << "without the first key nobody can tell";
  EXPECT_FALSE(report(trusting_first).intact());
}

TEST_F(VerifyTest, ProtectsThePastFromWhoeverHoldsThePresentKey) {
  std::string seed;
  {
    auto ledger = open();
    record(*ledger, 50);
    ASSERT_TRUE(ledger->rotate());
    record(*ledger, 50);
  }
  std::string stored = directory.read("keys/current");
  size_t at = stored.find("seed ") + 5;
  auto stolen = base::SigningKey::from_seed(*base::from_base64(stored.substr(at, stored.find('\n', at) - at)));
  ASSERT_TRUE(stolen);
  std::string name = "example.com/test";
  auto sign_anew = [&](const std::vector<Record>& all) {
    rewrite(all);
    std::filesystem::remove_all(directory.path() + "/tile");
    directory.write("checkpoint", sign_note(Checkpoint{name, all.size(), republish(all)}.text(), {{name, *stolen}}));
  };
  std::vector<Record> all = records();
  std::vector<Record> before = all;
  before[20].envelope = replaced(before[20].envelope, "exec.started", "exec.stopped");
  sign_anew(before);
  EXPECT_EQ(problems(), Problems{"rewritten 0-50"});
  std::vector<Record> after = all;
  after[70].envelope = replaced(after[70].envelope, "exec.started", "exec.stopped");
  sign_anew(after);
  EXPECT_EQ(problems(), Problems{})
      << "the present period is only as safe as its key; a witness or a remembered checkpoint helps";
}

TEST_F(VerifyTest, FindsAForgedHandover) {
  {
    auto ledger = open();
    record(*ledger, 5);
    ASSERT_TRUE(ledger->rotate());
  }
  std::string note = directory.read("keys/1.note");
  directory.write("keys/1.note", replaced(note, "\n6\n", "\n5\n"));
  std::vector<std::string> found = problems();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].substr(0, 11), "key_swapped");
}

TEST_F(VerifyTest, FindsARollbackByARememberedCheckpoint) {
  make(10);
  TestDirectory old;
  std::filesystem::copy(directory.path(), old.path(), std::filesystem::copy_options::recursive);
  make(10);
  VerifyOptions remembering;
  remembering.remembered = directory.read("checkpoint");
  EXPECT_TRUE(report(remembering).intact());
  make(10);
  EXPECT_TRUE(report(remembering).intact()) << "the ledger may have grown";
  auto result = verify(old.path(), remembering);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->problems.size(), 1u);
  EXPECT_EQ(result->problems[0].kind, ProblemKind::rolled_back);
  EXPECT_EQ(result->problems[0].entries, (Range{10, 19}));
  EXPECT_TRUE(verify(old.path())->intact()) << "only the memory tells";
}

TEST_F(VerifyTest, FindsAnotherHistoryByARememberedCheckpoint) {
  make(10);
  TestDirectory old;
  std::filesystem::copy(directory.path(), old.path(), std::filesystem::copy_options::recursive);
  make(5);
  VerifyOptions remembering;
  remembering.remembered = directory.read("checkpoint");
  // The same key goes on from the older copy, and writes other events.
  std::filesystem::remove_all(directory.path());
  std::filesystem::copy(old.path(), directory.path(), std::filesystem::copy_options::recursive);
  clock.tick(1h);
  sequence = 10;
  make(20);
  EXPECT_TRUE(report().intact());
  EXPECT_EQ(problems(remembering), Problems{"rewritten 0-14"});
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
    EXPECT_TRUE(!result.intact() || !result.deleted_payloads.empty()) << "byte " << at;
  }
}

TEST_F(VerifyTest, SaysWhenThereIsNoLedger) {
  TestDirectory empty;
  auto result = verify(empty.path());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::ErrorCode::not_found);
}

}  // namespace
}  // namespace hv::audit
