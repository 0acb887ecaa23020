// Reads a ledger's journal: while its writer runs, from another process, or offline. Owns nothing and changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/envelope.h"
#include "audit/segment.h"
#include "base/result.h"

namespace hv::audit {

enum class PayloadState {
  present,
  deleted,  // on request; its place and hash remain
  damaged,  // its bytes no longer fit their checksum
};

// One event as the ledger holds it.
struct Entry {
  Envelope envelope;
  std::string envelope_text;  // the leaf, byte for byte
  PayloadState payload_state = PayloadState::present;
  std::string salt;     // 16 bytes; empty unless present
  std::string payload;  // JSON text; empty unless present
};

// What a frame holds; nullopt when its envelope is not that of entry `index`. One of a later version has its text, its
// number and its payload, and nothing else.
std::optional<Entry> entry_of(const Frame& frame, uint64_t index);

struct Query {
  uint64_t from = 0;                              // first index looked at; with newest_first the lowest
  std::optional<uint64_t> before = std::nullopt;  // indexes below this only
  std::string sandbox = {};                       // its id; empty for all
  std::string kind_prefix =
      {};                      // "exec" fits "exec" and "exec.started", not "executor.x"; "exec." is the same as "exec"
  std::string principal = {};  // empty for all
  std::optional<base::WallTime> since = std::nullopt;  // at or after
  std::optional<base::WallTime> until = std::nullopt;  // before
  size_t limit = SIZE_MAX;
  bool newest_first = false;
};
// One of a later version matches where only numbers or core::kUnknownKind are asked for: what else it says is not
// known.
bool matches(const Query& query, const Envelope& envelope);

// Not for several threads at once; make one reader for each.
class Reader {
 public:
  explicit Reader(std::string directory) : directory_(std::move(directory)) {}

  // How many whole records the journal holds now: the index the next event will get.
  base::Result<uint64_t> size();
  // not_found when there is no such entry (yet).
  base::Result<Entry> at(uint64_t index);
  // Calls `visit` for each entry that fits, until it returns false, the limit is reached or the journal ends. Stops
  // with io when a damaged record stands before the journal's end.
  base::Status scan(const Query& query, const std::function<bool(const Entry&)>& visit);
  base::Result<std::vector<Entry>> list(const Query& query);
  // Of the journal that is being written, what lies behind the last record that its writer has acknowledged can be cut
  // off again: whoever keeps a reader forgets it, having read no further.
  void forget_from(uint64_t index);

 private:
  // The segment that holds `index`, loaded and up to date; nullptr when the journal ends before it.
  base::Result<const Segment*> segment_of(uint64_t index);
  base::Result<bool> visit_one(const Segment& segment, uint64_t index, const Query& query, size_t& left,
                               const std::function<bool(const Entry&)>& visit);

  std::string directory_;
  std::vector<SegmentFile> files_;
  std::optional<Segment> loaded_;
};

// The event as it was recorded. conflict when its payload is gone; unsupported for one of a later version.
base::Result<core::Event> to_event(const Entry& entry);

}  // namespace hv::audit
