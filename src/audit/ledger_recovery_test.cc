// What the ledger makes of full disks, torn records, kills and forgeries.
#include <gtest/gtest.h>

#include <filesystem>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/ledger_fixture_test.h"
#include "audit/raw_record_test.h"
#include "audit/verify.h"

namespace hv::audit {
namespace {

TEST_F(LedgerTest, RefusesAnEventThatCannotBeWrittenAndGoesOnWhenItCan) {
  auto ledger = open();
  ASSERT_TRUE(ledger->record(event_of("exec.started", {{"n", 0}})));
  files.fail_write_after(0, ENOSPC);
  for (int i = 0; i < 3; ++i) {
    auto refused = ledger->record(event_of("exec.started", {{"n", 1}}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().os_error(), ENOSPC);
    EXPECT_FALSE(refused.error().hint().empty());
  }
  files.heal();
  EXPECT_EQ(*ledger->record(event_of("exec.started", {{"n", 2}})), 1u);
  EXPECT_EQ(Reader(directory.path()).at(1)->payload, R"({"n":2})");
  ASSERT_TRUE(ledger->seal());
}

TEST_F(LedgerTest, LeavesNoTraceOfARecordThatWasTornByAFullDisk) {
  for (size_t torn : {1u, 23u, 24u, 100u, 300u}) {
    TestDirectory fresh;
    Ledger::Options with = options();
    with.directory = fresh.path();
    auto ledger = open(with);
    ASSERT_TRUE(ledger->record(event_of("exec.started", {{"n", 0}})));
    files.tear_at(torn);
    files.fail_write_after(0, ENOSPC);
    ASSERT_FALSE(ledger->record(event_of("exec.started", {{"n", 1}})));
    files.heal();
    EXPECT_EQ(*Reader(fresh.path()).size(), 1u);
    EXPECT_EQ(*ledger->record(event_of("exec.started", {{"n", 2}})), 1u);
    ledger = nullptr;
    ledger = open(with);
    EXPECT_FALSE(ledger->torn());
    EXPECT_EQ(ledger->size(), 2u);
  }
}

TEST_F(LedgerTest, RefusesEventsWhileATornRecordCannotBeCut) {
  auto ledger = open();
  ASSERT_TRUE(ledger->record(event_of("exec.started")));
  files.tear_at(50);
  files.fail_write_after(0, EIO);
  files.fail_truncate(EIO);
  EXPECT_FALSE(ledger->record(event_of("exec.started")));
  files.fail_write_after(-1, 0);
  EXPECT_FALSE(ledger->record(event_of("exec.started"))) << "behind a torn record nothing may be appended";
  files.heal();
  EXPECT_EQ(*ledger->record(event_of("exec.started")), 1u);
}

TEST_F(LedgerTest, CompletesShortWrites) {
  auto ledger = open();
  files.shorten_writes(7);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(ledger->record(event_of("exec.started", {{"n", i}})));
  files.heal();
  EXPECT_EQ(Reader(directory.path()).at(9)->payload, R"({"n":9})");
}

TEST_F(LedgerTest, RefusesEventsAfterAFailedSyncUntilTheDiskTakesThem) {
  auto ledger = open();
  ASSERT_TRUE(ledger->record(event_of("exec.started", {{"n", 0}})));
  files.fail_sync_after(0, EIO);
  EXPECT_FALSE(ledger->sync());
  EXPECT_FALSE(ledger->record(event_of("exec.started", {{"n", 1}})));
  EXPECT_FALSE(ledger->seal());
  EXPECT_FALSE(ledger->standing().failure.empty());
  EXPECT_FALSE(base::path_exists(directory.path() + "/checkpoint"));
  files.heal();
  EXPECT_EQ(*ledger->record(event_of("exec.started", {{"n", 2}})), 1u);
  ASSERT_TRUE(ledger->seal());
  EXPECT_EQ(checkpoint().size, 2u);
  EXPECT_EQ(*TileTree(directory.path(), 2).root(), checkpoint().root);
  EXPECT_TRUE(ledger->standing().failure.empty());
}

TEST_F(LedgerTest, SealsLaterWhatItCouldNotPublish) {
  auto ledger = open();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(ledger->record(event_of("exec.started")));
  for (int good = 0; good < 4; ++good) {
    files.fail_replace_after(good, ENOSPC);
    EXPECT_FALSE(ledger->seal());
    EXPECT_EQ(ledger->standing().sealed, 0u);
  }
  EXPECT_TRUE(ledger->record(event_of("exec.started"))) << "recording does not depend on what is derived";
  files.heal();
  ASSERT_TRUE(ledger->seal());
  EXPECT_EQ(*TileTree(directory.path(), 301).root(), checkpoint().root);
}

TEST_F(LedgerTest, LosesNothingWhenKilledAtAnyMoment) {
  for (int round = 0; round < 12; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Ledger::Options quick = options();
      quick.seal_interval = 1ms;
      quick.segment_bytes = 16384;
      auto ledger = Ledger::open(std::move(quick));
      if (!ledger) ::_exit(9);
      for (uint64_t n = (*ledger)->last_sequence("s0123456789abcdef") + 1;; ++n) {
        if (!(*ledger)->record(spooled(n))) ::_exit(8);
        if (::write(ends[1], &n, sizeof n) != sizeof n) ::_exit(7);
      }
    }
    ::close(ends[1]);
    ::usleep(3000 + 2500 * static_cast<unsigned>(round));
    ::kill(child, SIGKILL);
    uint64_t acknowledged = 0;
    uint64_t n = 0;
    while (::read(ends[0], &n, sizeof n) == sizeof n) acknowledged = n;
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    auto ledger = open();
    ASSERT_TRUE(ledger);
    EXPECT_GE(ledger->last_sequence("s0123456789abcdef"), acknowledged);
    if (ledger->size() == 0) continue;
    ASSERT_TRUE(ledger->seal());
    EXPECT_EQ(*TileTree(directory.path(), ledger->size()).root(), checkpoint().root);
  }
}

TEST_F(LedgerTest, SetsATornRecordAsideAndSaysSo) {
  {
    auto ledger = open();
    for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(ledger->record(spooled(i)));
    ASSERT_TRUE(ledger->seal());
  }
  std::string whole = directory.read(segment());
  std::string torn_record = encode_frame(R"({"v":1})", std::string(16, 's'), "{}").substr(0, 40);
  directory.write(segment(), whole + torn_record);
  auto ledger = open();
  ASSERT_TRUE(ledger->torn());
  EXPECT_EQ(ledger->torn()->index, 3u);
  EXPECT_EQ(ledger->torn()->bytes, 40u);
  EXPECT_EQ(directory.read(ledger->torn()->kept_as), torn_record);
  EXPECT_EQ(kinds(), (std::vector<std::string>{"exec.started", "exec.started", "exec.started", "ledger.recovered"}));
}

// What was recorded within the last second before a kill, and what somebody appended while nothing ran, look alike.
TEST_F(LedgerTest, SaysWhichEntriesNoCheckpointCovered) {
  {
    auto ledger = open();
    for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(ledger->record(spooled(i)));
  }
  {
    // Closed and opened: nothing to say.
    auto ledger = open();
    EXPECT_EQ(ledger->size(), 3u);
  }
  for (uint64_t index : {3u, 4u}) {
    Entry entry = *Reader(directory.path()).at(2);
    entry.envelope.index = index;
    entry.envelope.origin->sequence = index + 1;
    append_raw(directory.path(), encode_envelope(entry.envelope), entry.payload);
  }
  {
    auto ledger = open();
    EXPECT_EQ(kinds().back(), "ledger.recovered");
    Entry said = *Reader(directory.path()).at(5);
    EXPECT_EQ(said.payload, R"({"first":3,"last":4,"reason":"no checkpoint covered them when the ledger was opened"})");
  }
  auto report = verify(directory.path(), {});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->sealed, 6u);
  ASSERT_FALSE(report->notes.empty());
  EXPECT_NE(report->notes.back().find("entries 3 to 4: under no checkpoint"), std::string::npos)
      << report->notes.back();
}

TEST_F(LedgerTest, RecoversFromATailCutAtEveryByte) {
  {
    auto ledger = open();
    ASSERT_TRUE(ledger->record(spooled(1)));
    ASSERT_TRUE(ledger->seal());
    ASSERT_TRUE(ledger->record(spooled(2)));
    ASSERT_TRUE(ledger->sync());
    // The checkpoint of one entry is kept, as if the machine had stopped before the next.
    std::filesystem::copy_file(directory.path() + "/checkpoint", directory.path() + "/kept");
  }
  std::filesystem::rename(directory.path() + "/kept", directory.path() + "/checkpoint");
  std::string whole = directory.read(segment());
  size_t first_end = Segment::load({0, directory.path() + "/" + segment()})->offset(1);
  for (size_t size = first_end; size < whole.size(); size += 13) {
    TestDirectory copy;
    std::filesystem::copy(directory.path(), copy.path(), std::filesystem::copy_options::recursive);
    copy.write(segment(), whole.substr(0, size));
    Ledger::Options with = options();
    with.directory = copy.path();
    auto ledger = open(with);
    ASSERT_TRUE(ledger) << size;
    EXPECT_EQ(ledger->last_sequence("s0123456789abcdef"), 1u);
    EXPECT_EQ(ledger->torn().has_value(), size != first_end);
  }
}

TEST_F(LedgerTest, DoesNotContinueAJournalShorterThanItsCheckpoint) {
  {
    auto ledger = open();
    for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(ledger->record(spooled(i)));
  }
  std::string whole = directory.read(segment());
  size_t last = Segment::load({0, directory.path() + "/" + segment()})->offset(2);
  for (const std::string& shorter : {whole.substr(0, last), whole.substr(0, last + 30), std::string()}) {
    directory.write(segment(), shorter);
    auto ledger = Ledger::open(options());
    ASSERT_FALSE(ledger);
    EXPECT_EQ(ledger.error().code(), base::ErrorCode::conflict);
    EXPECT_EQ(directory.read(segment()), shorter) << "what is there is left as it is";
  }
}

TEST_F(LedgerTest, DoesNotContinueAForgedCheckpointOrWithoutItsKey) {
  {
    ASSERT_TRUE(open()->record(spooled(1)));
  }
  std::string good = directory.read("checkpoint");
  directory.write("checkpoint", good.replace(good.find("\n1\n"), 3, "\n2\n"));
  EXPECT_FALSE(Ledger::open(options()));
  std::filesystem::remove(directory.path() + "/checkpoint");
  std::filesystem::remove(directory.path() + "/keys/current");
  EXPECT_FALSE(Ledger::open(options()));
}

TEST_F(LedgerTest, RebuildsItsTilesFromTheJournal) {
  {
    auto ledger = open();
    for (uint64_t i = 1; i <= 400; ++i) ASSERT_TRUE(ledger->record(spooled(i)));
  }
  std::filesystem::remove_all(directory.path() + "/tile");
  auto ledger = open();
  ASSERT_TRUE(ledger->record(spooled(401)));
  ASSERT_TRUE(ledger->seal());
  EXPECT_EQ(*TileTree(directory.path(), 401).root(), checkpoint().root);
  EXPECT_EQ(*TileTree(directory.path(), 401).entry(3), Reader(directory.path()).at(3)->envelope_text);
}

}  // namespace
}  // namespace hv::audit
