#include "audit/ledger.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "audit/ledger_fixture_test.h"
#include "audit/verify.h"

namespace hv::audit {
namespace {

TEST_F(LedgerTest, TakesOutWhatTheSandboxsPolicyNames) {
  core::AuditRules rules;
  rules.redact_patterns = {"acme-[0-9a-f]{8}"};
  auto own = std::make_shared<const core::Redaction>(*core::Redaction::of(rules));
  Ledger::Options with = options();
  with.redaction = [&](const std::string& sandbox) { return sandbox == "s0123456789abcdef" ? own : nullptr; };
  auto ledger = open(std::move(with));
  ASSERT_TRUE(ledger->record(event_of("exec.started", {{"path", "acme-0123abcd"}})));
  ASSERT_TRUE(ledger->record(event_of("exec.started", {{"path", "acme-0123abcd"}}, "s1111111111111111")));
  auto entries = Reader(directory.path()).list({});
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ(entries->at(0).payload, R"({"path":"[redacted]","redacted":1})");
  EXPECT_EQ(entries->at(1).payload, R"({"path":"acme-0123abcd"})");
}

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

TEST_F(LedgerTest, HoldsNoCredentialOfAnAgentsAndChangesNothingOfOurOwn) {
  auto ledger = open();
  ASSERT_TRUE(ledger->record(event_of("exec.started", {{"arguments", {"app", "--token=hunter2"}}})));
  ASSERT_TRUE(ledger->record(event_of("probe.proof", {{"verdicts", {{"host-credentials", "held"}}}})));
  EXPECT_EQ(directory.read(segment()).find("hunter2"), std::string::npos);
  EXPECT_EQ(Reader(directory.path()).at(1)->payload, R"({"verdicts":{"host-credentials":"held"}})");
}

TEST_F(LedgerTest, RecordsASpoolsEventsTogetherAndEachOnce) {
  {
    auto ledger = open();
    ASSERT_TRUE(ledger->record_spooled(std::vector{spooled(1), spooled(2), spooled(3)}));
    // What is known already, and what the spool repeats, is passed over.
    ASSERT_TRUE(ledger->record_spooled(std::vector{spooled(2), spooled(3), spooled(4), spooled(4), spooled(3)}));
    ASSERT_TRUE(ledger->record_spooled({}));
    EXPECT_EQ(ledger->size(), 4u);
    EXPECT_EQ(ledger->last_sequence("s0123456789abcdef"), 4u);
    EXPECT_FALSE(ledger->record_spooled(std::vector{spooled(5), spooled(6, "another"), spooled(7)}));
    EXPECT_FALSE(ledger->record_spooled(std::vector{event_of("exec.started")}));
    EXPECT_EQ(ledger->size(), 4u);
    ASSERT_TRUE(ledger->seal());
  }
  EXPECT_TRUE(verify(directory.path())->intact());
  std::vector<Entry> entries = *Reader(directory.path()).list({});
  ASSERT_EQ(entries.size(), 4u);
  for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(entries[i].envelope.origin->sequence, i + 1);
}

TEST_F(LedgerTest, RecordsTheEventsOfSeveralSpoolsTogether) {
  auto ledger = open();
  ASSERT_TRUE(ledger->record_spooled(std::vector{spooled(1, "one"), spooled(2, "one")}));
  // The first that is new is told, and the others follow it.
  EXPECT_EQ(
      ledger->record_spooled(std::vector{spooled(2, "one"), spooled(1, "two"), spooled(2, "two"), spooled(1, "three")})
          .value(),
      2u);
  EXPECT_EQ(ledger->size(), 5u);
  EXPECT_EQ(ledger->last_sequence("one"), 2u);
  EXPECT_EQ(ledger->last_sequence("two"), 2u);
  EXPECT_EQ(ledger->last_sequence("three"), 1u);
  ASSERT_TRUE(ledger->sync());
  EXPECT_EQ(ledger->standing().durable, 5u);
}

TEST_F(LedgerTest, RecordsAllOfASpoolsEventsOrNone) {
  auto ledger = open();
  ASSERT_TRUE(ledger->record_spooled(std::vector{spooled(1), spooled(2)}));
  files.fail_write_after(0, ENOSPC);
  files.tear_at(700);
  EXPECT_FALSE(ledger->record_spooled(std::vector{spooled(3), spooled(4), spooled(5)}));
  EXPECT_EQ(ledger->size(), 2u);
  EXPECT_EQ(ledger->last_sequence("s0123456789abcdef"), 2u);
  files.heal();
  ASSERT_TRUE(ledger->record_spooled(std::vector{spooled(3), spooled(4), spooled(5)}));
  ASSERT_TRUE(ledger->seal());
  EXPECT_EQ(ledger->size(), 5u);
  EXPECT_TRUE(verify(directory.path())->intact());
}

}  // namespace
}  // namespace hv::audit
