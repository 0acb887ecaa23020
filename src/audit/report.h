// What verification finds: every problem with the entries it concerns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/note.h"
#include "core/audit_query.h"

namespace hv::audit {

enum class ProblemKind {
  changed,          // an entry is not the one that was sealed
  missing,          // sealed entries are gone from the middle of the journal
  inserted,         // entries that were never sealed stand among sealed ones
  reordered,        // sealed entries stand in another order
  truncated,        // the journal ends before its checkpoint does
  damaged,          // bytes that no longer fit their checksum
  payload_changed,  // the entry is right; its payload is not the one it was sealed with
  rewritten,    // the whole tree is another than a signature says: history was signed anew, or tiles and journal were
                // changed alike
  rolled_back,  // the ledger is older than the remembered checkpoint
  key_swapped,  // a key or signature that no earlier key vouches for
  checkpoint_bad,  // missing or unreadable
  tile_changed,    // published tiles are wrong, the journal is not: they can be made again
  unreadable,      // a file that verification needs could not be read
};
std::string_view problem_name(ProblemKind kind);

struct Range {
  uint64_t first = 0;
  uint64_t last = 0;  // inclusive
  bool operator==(const Range&) const = default;
};
void add_to_ranges(std::vector<Range>& ranges, uint64_t index);
// "entry 7", or "entries 7 to 9".
std::string range_text(const Range& range);

struct Problem {
  ProblemKind kind = ProblemKind::changed;
  std::optional<Range> entries;  // empty when it concerns none in particular
  std::string message;
};

struct Report {
  uint64_t entries = 0;  // whole records in the journal
  uint64_t sealed = 0;   // of them under the checkpoint
  uint64_t segments = 0;
  uint64_t from = 0;            // entries below were verified before and not looked at again
  std::string checkpoint_note;  // the signed checkpoint itself, if its signature holds
  std::string origin;
  std::vector<std::string> keys;         // public keys, oldest first
  std::optional<Checkpoint> checkpoint;  // if its signature holds
  std::vector<Range> deleted_payloads;   // not failures: see ledger.payload_deleted
  std::vector<Range> later_entries;      // of a version that is not known here: their payloads were not looked at
  std::vector<std::string> notes;        // worth knowing, no sign of tampering
  std::vector<Problem> problems;         // in the order of their entries
  bool intact() const { return problems.empty(); }
};

void note_later_entries(Report& report);

// The same for the API, whoever verified: the daemon, or its program while no daemon can serve.
core::VerifyReport summary(const Report& report);

}  // namespace hv::audit
