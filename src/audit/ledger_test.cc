#include "audit/ledger.h"

#include <gtest/gtest.h>

#include <filesystem>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/reader.h"
#include "audit/test_directory.h"
#include "audit/tile_tree.h"

namespace hv::audit {
namespace {

using base::json::Object;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;

core::Event event_of(std::string kind, Object payload = {}, std::string sandbox = "s0123456789abcdef") {
  core::Event event;
  event.kind = std::move(kind);
  event.sandbox = std::move(sandbox);
  event.principal = "user:1000";
  event.payload = std::move(payload);
  return event;
}

core::Event spooled(uint64_t sequence, std::string spool = "s0123456789abcdef") {
  core::Event event = event_of("exec.started", {{"number", sequence}}, spool);
  event.origin = core::Origin{std::move(spool), sequence};
  return event;
}

class LedgerTest : public testing::Test {
 protected:
  Ledger::Options options() {
    Ledger::Options result;
    result.directory = directory.path();
    result.origin = "example.com/test";
    result.clock = &clock;
    result.files = &files;
    result.seal_interval = 1h;
    result.key_period = 0h;
    return result;
  }
  std::unique_ptr<Ledger> open() { return open(options()); }
  std::unique_ptr<Ledger> open(Ledger::Options with) {
    auto ledger = Ledger::open(std::move(with));
    EXPECT_TRUE(ledger) << ledger.error().text();
    return ledger ? *std::move(ledger) : nullptr;
  }
  std::vector<std::string> kinds() {
    std::vector<std::string> result;
    auto entries = Reader(directory.path()).list({});
    EXPECT_TRUE(entries) << entries.error().text();
    if (entries)
      for (const Entry& entry : *entries) result.push_back(entry.envelope.kind);
    return result;
  }
  Checkpoint checkpoint() {
    auto note = Note::parse(directory.read("checkpoint"));
    EXPECT_TRUE(note);
    return note ? *Checkpoint::parse_text(note->text) : Checkpoint{};
  }
  std::string segment() { return "journal/" + segment_name(0); }

  TestDirectory directory;
  TestClock clock;
  FaultyFiles files;
};

TEST_F(LedgerTest, KeepsWhatWasRecorded) {
  auto ledger = open();
  EXPECT_EQ(*ledger->record(event_of("sandbox.created", {{"name", "quiet-otter"}})), 0u);
  EXPECT_EQ(*ledger->record(event_of("sandbox.started")), 1u);
  Reader reader(directory.path());
  auto entry = reader.at(0);
  ASSERT_TRUE(entry) << entry.error().text();
  EXPECT_EQ(entry->payload, R"({"name":"quiet-otter"})");
  EXPECT_EQ(entry->envelope.kind, "sandbox.created");
  EXPECT_EQ(entry->envelope.time, clock.wall());
  EXPECT_EQ(to_event(*entry)->payload.at("name"), "quiet-otter");
  EXPECT_FALSE(reader.at(2));
}

TEST_F(LedgerTest, SealsUnderACheckpointThatItsKeySigned) {
  auto ledger = open();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(ledger->record(event_of("exec.started")));
  ASSERT_TRUE(ledger->seal());
  auto note = Note::parse(directory.read("checkpoint"));
  ASSERT_TRUE(note);
  EXPECT_TRUE(note->signed_by(ledger->verifier_key()));
  EXPECT_EQ(checkpoint().size, 300u);
  EXPECT_EQ(checkpoint().origin, "example.com/test");
  EXPECT_EQ(*TileTree(directory.path(), 300).root(), checkpoint().root);
  EXPECT_EQ(*TileTree(directory.path(), 300).entry(299), Reader(directory.path()).at(299)->envelope_text);
  EXPECT_EQ(ledger->standing().sealed, 300u);
  EXPECT_EQ(ledger->standing().durable, 300u);
}

TEST_F(LedgerTest, SealsByItselfAndAtItsEnd) {
  Ledger::Options quick = options();
  quick.seal_interval = 5ms;
  auto ledger = open(std::move(quick));
  ASSERT_TRUE(ledger->record(event_of("exec.started")));
  for (int i = 0; i < 1000 && ledger->standing().sealed == 0; ++i) ::usleep(1000);
  EXPECT_EQ(ledger->standing().sealed, 1u);
  ledger = nullptr;
  ledger = open();
  ASSERT_TRUE(ledger->record(event_of("exec.started")));
  ledger = nullptr;
  EXPECT_EQ(checkpoint().size, 2u);
}

TEST_F(LedgerTest, BecomesDurableWithoutBeingAsked) {
  auto ledger = open();
  ASSERT_TRUE(ledger->record(event_of("exec.started")));
  for (int i = 0; i < 1000 && ledger->standing().durable == 0; ++i) ::usleep(1000);
  EXPECT_EQ(ledger->standing().durable, 1u);
  EXPECT_EQ(ledger->standing().sealed, 0u);
}

TEST_F(LedgerTest, ContinuesWhereItStopped) {
  for (int run = 0; run < 4; ++run) {
    auto ledger = open();
    for (int i = 0; i < 150; ++i)
      ASSERT_EQ(*ledger->record(event_of("exec.started")), static_cast<uint64_t>(run * 150 + i));
  }
  EXPECT_EQ(checkpoint().size, 600u);
  EXPECT_EQ(*TileTree(directory.path(), 600).root(), checkpoint().root);
}

TEST_F(LedgerTest, HasOneWriter) {
  auto ledger = open();
  auto second = Ledger::open(options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), base::ErrorCode::conflict);
}

TEST_F(LedgerTest, RemembersHowFarEachSpoolWasAdopted) {
  {
    auto ledger = open();
    for (uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(ledger->record(spooled(i)));
    ASSERT_TRUE(ledger->record(spooled(1, "sother")));
    EXPECT_EQ(ledger->last_sequence("s0123456789abcdef"), 5u);
  }
  auto ledger = open();
  EXPECT_EQ(ledger->last_sequence("s0123456789abcdef"), 5u);
  EXPECT_EQ(ledger->last_sequence("sother"), 1u);
  EXPECT_EQ(ledger->last_sequence("sunknown"), 0u);
}

TEST_F(LedgerTest, RecordsAnEventOfASpoolOnce) {
  auto ledger = open();
  for (uint64_t i = 1; i <= 5; ++i) ASSERT_EQ(*ledger->record(spooled(i)), i - 1);
  EXPECT_EQ(*ledger->record(spooled(5)), 4u);
  EXPECT_EQ(*ledger->record(spooled(2)), 1u);
  EXPECT_EQ(ledger->size(), 5u);
  EXPECT_EQ(*ledger->record(spooled(6)), 5u);
}

TEST_F(LedgerTest, StartsNewSegmentsAndRemembersSpoolsAcrossThem) {
  Ledger::Options small = options();
  small.segment_bytes = 4096;
  {
    auto ledger = open(small);
    ASSERT_TRUE(ledger->record(spooled(7, "searly")));
    for (uint64_t i = 1; i <= 100; ++i) ASSERT_TRUE(ledger->record(spooled(i)));
  }
  EXPECT_GT(list_segments(directory.path())->size(), 5u);
  auto ledger = open(small);
  EXPECT_EQ(ledger->last_sequence("searly"), 7u);
  EXPECT_EQ(ledger->last_sequence("s0123456789abcdef"), 100u);
  EXPECT_EQ(*ledger->record(spooled(7, "searly")), 0u);
  EXPECT_EQ(Reader(directory.path()).list({})->size(), 101u);
}

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

TEST_F(LedgerTest, HandsItsKeyOverAndDestroysTheOldOne) {
  auto ledger = open();
  VerifierKey first = ledger->verifier_key();
  ASSERT_TRUE(ledger->record(spooled(1)));
  std::string old_file = directory.read("keys/current");
  ASSERT_TRUE(ledger->rotate());
  VerifierKey second = ledger->verifier_key();
  EXPECT_NE(first, second);
  EXPECT_EQ(kinds().back(), "ledger.key_rotated");
  auto note = Note::parse(directory.read("keys/1.note"));
  ASSERT_TRUE(note);
  EXPECT_TRUE(note->signed_by(first));
  EXPECT_TRUE(note->signed_by(second));
  EXPECT_TRUE(Note::parse(directory.read("checkpoint"))->signed_by(second));
  EXPECT_NE(directory.read("keys/current"), old_file);
  EXPECT_FALSE(base::path_exists(directory.path() + "/keys/next"));
  ASSERT_TRUE(ledger->rotate());
  auto chain = read_key_chain(directory.path(), first);
  ASSERT_TRUE(chain);
  EXPECT_FALSE(chain->fault);
  EXPECT_EQ(chain->keys.size(), 3u);
  EXPECT_EQ(chain->handovers[0].size, 2u);
}

TEST_F(LedgerTest, ChangesItsKeyWhenThePeriodIsOver) {
  Ledger::Options daily = options();
  daily.key_period = 24h;
  daily.seal_interval = 2ms;
  auto ledger = open(std::move(daily));
  ASSERT_TRUE(ledger->record(spooled(1)));
  ASSERT_TRUE(ledger->seal());
  EXPECT_EQ(ledger->standing().key_period, 0u);
  clock.tick(25h);
  ASSERT_TRUE(ledger->record(spooled(2)));
  for (int i = 0; i < 1000 && ledger->standing().key_period == 0; ++i) ::usleep(1000);
  EXPECT_EQ(ledger->standing().key_period, 1u);
}

TEST_F(LedgerTest, KeepsItsKeysToItself) {
  auto ledger = open();
  for (const char* name : {"keys/current", "lock", "journal", "keys"}) {
    auto mode = std::filesystem::status(directory.path() + "/" + name).permissions();
    if (!base::path_exists(directory.path() + "/" + name)) continue;
    EXPECT_EQ(mode & std::filesystem::perms(077), std::filesystem::perms::none) << name;
  }
  ledger = nullptr;
  std::filesystem::permissions(directory.path() + "/keys/current", std::filesystem::perms(0644));
  EXPECT_FALSE(Ledger::open(options()));
}

TEST_F(LedgerTest, DeletesAPayloadAndKeepsItsEntryProvable) {
  auto ledger = open();
  ASSERT_TRUE(ledger->record(event_of("exec.started", {{"argv", "my secret"}})));
  ASSERT_TRUE(ledger->record(event_of("exec.started", {{"argv", "kept"}})));
  ASSERT_TRUE(ledger->seal());
  Reader reader(directory.path());
  ASSERT_EQ(reader.at(0)->payload_state, PayloadState::present);
  ASSERT_TRUE(ledger->delete_payloads(0, 0, "user:1000", "asked for"));
  EXPECT_EQ(reader.at(0)->payload_state, PayloadState::deleted);
  EXPECT_EQ(reader.at(1)->payload, R"({"argv":"kept"})");
  EXPECT_EQ(directory.read(segment()).find("my secret"), std::string::npos);
  EXPECT_EQ(kinds().back(), "ledger.payload_deleted");
  ASSERT_TRUE(ledger->seal());
  EXPECT_TRUE(check_proof(*prove_entry(directory.path(), 0), ledger->verifier_key()));
  auto denied = ledger->delete_payloads(2, 2, "user:1000", "hide it");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code(), base::ErrorCode::denied);
}

TEST_F(LedgerTest, TellsSubscribersInOrderAndASlowOneWhatItMissed) {
  auto ledger = open();
  int wakes = 0;
  Query execs;
  execs.kind_prefix = "exec";
  auto subscription = ledger->subscribe(execs, 3, [&] { ++wakes; });
  ASSERT_TRUE(ledger->record(event_of("sandbox.started")));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ledger->record(event_of("exec.started")));
  EXPECT_EQ(wakes, 1);
  Subscription::Batch batch = subscription->take();
  ASSERT_EQ(batch.entries.size(), 3u);
  EXPECT_EQ(batch.entries[0]->envelope.index, 1u);
  EXPECT_EQ(batch.missed, 2u);
  EXPECT_EQ(batch.first_missed, 4u);
  EXPECT_EQ(batch.last_missed, 5u);
  ASSERT_TRUE(ledger->record(event_of("exec.exited")));
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(subscription->take().entries.at(0)->envelope.index, 6u);
  subscription = nullptr;
  ASSERT_TRUE(ledger->record(event_of("exec.exited")));
  EXPECT_EQ(wakes, 2);
}

TEST_F(LedgerTest, RefusesAnEventThatNobodyCouldReadBack) {
  auto ledger = open();
  auto refused = ledger->record(event_of("Not A Kind"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::ErrorCode::invalid_argument);
  EXPECT_EQ(ledger->size(), 0u);
}

TEST_F(LedgerTest, KeepsItsOrigin) {
  {
    open();
  }
  Ledger::Options other = options();
  other.origin = "example.com/other";
  EXPECT_FALSE(Ledger::open(other));
  other.origin.clear();
  EXPECT_EQ(open(other)->verifier_key().name, "example.com/test");
}

}  // namespace
}  // namespace hv::audit
