// Records checked each by itself, many at once: what can be said of one without the others. The segments come one after
// the other, and while one is looked at the next is read and hashed already.
#pragma once

#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "audit/merkle.h"
#include "audit/segment.h"
#include "base/result.h"
#include "core/event.h"

namespace hv::audit {

struct Checked {
  Digest leaf{};
  bool right_envelope = false;  // it can be read and stands at its index
  bool later = false;           // it is of a version that is not known here
  bool payload_deleted = false;
  bool payload_right = false;
  bool of_ledger = false;  // one of the ledger's own events
  std::string sandbox;     // where the payload was deleted
  std::optional<core::Origin> origin;
};

struct CheckedSegment {
  SegmentFile file;
  base::Result<Segment> segment;
  uint64_t first = 0;            // the index of the first record checked
  std::vector<Checked> records;  // from there to the segment's end
};

class CheckedJournal {
 public:
  // Records below `from` are read but not checked. Ends its threads with itself.
  CheckedJournal(std::vector<SegmentFile> files, uint64_t from, unsigned threads);
  // The next segment; nullopt behind the last.
  std::optional<CheckedSegment> next();

 private:
  void start();
  std::vector<SegmentFile> files_;
  uint64_t from_;
  unsigned threads_;
  size_t started_ = 0;
  std::future<CheckedSegment> ahead_;
};

}  // namespace hv::audit
