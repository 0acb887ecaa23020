// Reads a journal from one place on, with a bounded buffer, and goes on where it stopped when more has been written:
// for those who walk behind the writer.
#pragma once

#include <optional>
#include <string>

#include "audit/reader.h"
#include "audit/segment.h"
#include "audit/segment_bytes.h"
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

  std::string directory_;
  Place place_;
  Place last_;
  std::optional<SegmentBytes> source_;
  std::string buffer_;
  size_t at_ = 0;  // of the next record within the buffer
};

// Reads single records at their places; quick when they follow one another. Not for several threads at once, and not to
// be kept: what it has read of a file it does not read again.
class PlaceReader {
 public:
  explicit PlaceReader(std::string directory) : directory_(std::move(directory)) {}
  // conflict when another record lies there.
  base::Result<Entry> read(const Place& place);

 private:
  base::Status fill(const Place& place, size_t size);
  std::string directory_;
  std::optional<SegmentBytes> source_;
  std::optional<uint64_t> segment_;
  std::string buffer_;
  uint64_t begin_ = 0;  // of the buffer in the segment
};

}  // namespace hv::audit
