// For the tests of the ledger: events, and a ledger on a disk that fails when told to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "audit/ledger.h"
#include "audit/reader.h"
#include "audit/test_directory.h"
#include "audit/tile_tree.h"

namespace hv::audit {

using base::json::Object;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;

inline core::Event event_of(std::string kind, Object payload = {}, std::string sandbox = "s0123456789abcdef") {
  core::Event event;
  event.kind = std::move(kind);
  event.sandbox = std::move(sandbox);
  event.principal = "user:1000";
  event.payload = std::move(payload);
  return event;
}

inline core::Event spooled(uint64_t sequence, std::string spool = "s0123456789abcdef") {
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

}  // namespace hv::audit
