// Reads a journal from one place on, with a bounded buffer, and goes on where it stopped when more has been written:
// for those who walk behind the writer.
#pragma once

#include <optional>
#include <string>

#include "audit/reader.h"
#include "audit/segment.h"
#include "base/fd.h"
#include "base/result.h"

namespace hv::audit {

// Where a record lies.
struct Place {
  uint64_t index = 0;
  uint64_t segment = 0;  // the first index of its segment
  uint64_t offset = kSegmentHeaderSize;
  bool operator==(const Place&) const = default;
};

// Not for several threads at once.
class JournalStream {
 public:
  // The first record read is the one at `place`; default: the first of the journal's first segment.
  explicit JournalStream(std::string directory, Place place = {});

  // The next record; nullopt where whole records end for now. io when a damaged record stands before others.
  base::Result<std::optional<Entry>> next();
  // Of the record that next() will give. Known only after a call of next() when a segment has just ended.
  const Place& place() const { return place_; }
  const Place& last() const { return last_; }  // of the record that next() gave

 private:
  base::Result<bool> fill();
  base::Result<bool> enter_next_segment();
  std::string path() const;

  std::string directory_;
  Place place_;
  Place last_;
  base::Fd fd_;
  std::string buffer_;
  size_t at_ = 0;  // of the next record within the buffer
};

// One record at its place. conflict when another lies there.
base::Result<Entry> read_at(const std::string& directory, const Place& place);

}  // namespace hv::audit
