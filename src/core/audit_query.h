// Questions to the ledger and their answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/names.h"

namespace hv::core {

// recorded: survives kill -9. durable: survives a power cut. sealed: under a signed checkpoint.
enum class Durability { recorded, durable, sealed };

constexpr std::string_view kUnknownKind = "unknown";

struct AuditRecord {
  uint64_t index = 0;
  Event event;
  Durability durability = Durability::recorded;
  std::string leaf_hash;  // hex, RFC 6962; empty while only recorded
  bool redacted = false;  // the payload was deleted; the envelope still proves
  // Of an entry whose version this program does not know, and of no other: the version, and the leaf as it is. Such a
  // record's event has the kind kUnknownKind and nothing else but a payload.
  std::optional<uint64_t> version = {};
  std::optional<std::string> envelope = {};
};

// Every condition that is there must hold.
struct AuditQuery {
  std::optional<std::string> sandbox = {};    // name or id
  std::optional<std::string> kind = {};       // "exec.started", or "exec." for all that begin so
  std::optional<std::string> principal = {};  // "user:1000"
  std::optional<std::string> path = {};       // a file or directory, or something below it
  std::optional<std::string> host = {};       // a name, one below it, or an address
  std::optional<std::string> verdict = {};    // "allow", "ask", "deny"
  std::optional<Risk> risk = {};              // at least
  std::optional<std::string> text = {};       // all these words, in any order and case; "word*" for a beginning
  std::optional<base::WallTime> since = {};   // at or after
  std::optional<base::WallTime> until = {};   // before
  std::optional<uint64_t> after = {};         // only indexes above this one
  std::optional<uint64_t> before = {};        // only indexes below this one
  bool newest_first = false;
  uint64_t limit = 1000;  // 1-10000
};

struct AuditPage {
  std::vector<AuditRecord> records;  // by index, or from the highest down
  // Everything up to this index was looked at: the `after` of the next page, with the newest first its `before`. Absent
  // for an empty ledger.
  std::optional<uint64_t> seen;
  bool complete = true;  // no more at this time
  // What the reader should know of how it was found: that the index stands still, and why.
  std::optional<std::string> note = {};
};

// What may go of the ledger, the oldest first. Whole files only, so that a little more may stay.
struct PruneRequest {
  std::optional<base::WallTime> payloads_before = {};  // payloads of what was recorded before
  std::optional<base::WallTime> before = {};           // everything of it but its hashes
  std::optional<uint64_t> max_bytes = {};              // the same, as far as the journal is larger
  std::string reason = {};
};
struct PruneReport {
  // Indexes, inclusive; absent when nothing went.
  std::optional<uint64_t> payloads_first = {};
  std::optional<uint64_t> payloads_last = {};
  std::optional<uint64_t> first = {};
  std::optional<uint64_t> last = {};
  uint64_t journal_bytes = 0;  // what is left
};

struct LedgerFault {
  std::optional<uint64_t> index;
  std::string what;
};

struct VerifyReport {
  bool intact = false;
  std::string origin;  // of the checkpoints
  uint64_t entries = 0;
  uint64_t sealed = 0;         // entries under the last checkpoint
  uint64_t from = 0;           // entries below were verified before, and not looked at this time
  uint64_t keys = 0;           // signing keys followed through their successions
  std::string first_key = {};  // the public key that all others follow from: what to note elsewhere
  std::string root_hash;       // hex
  std::vector<LedgerFault> faults;
  std::vector<std::string> notes = {};  // worth knowing, no sign of tampering
};

template <>
struct Names<Durability> {
  static constexpr std::string_view kind = "durability";
  static constexpr std::array<std::pair<Durability, std::string_view>, 3> table{
      {{Durability::recorded, "recorded"}, {Durability::durable, "durable"}, {Durability::sealed, "sealed"}}};
};

}  // namespace hv::core
