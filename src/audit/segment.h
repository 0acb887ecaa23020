// The journal's segments as a reader sees them: which there are, and one of them taken into memory with the place of
// each record. Bytes are copied, never mapped: the writer may cut a torn tail while somebody reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/frame.h"
#include "base/result.h"

namespace hv::audit {

struct SegmentFile {
  uint64_t first_index = 0;
  std::string path;  // of its own file, or of the archive that it was packed into
  bool archived = false;
};

// In the order of their first index. An absent directory is an empty list.
base::Result<std::vector<SegmentFile>> list_segments(const std::string& ledger_directory);

// Archives whose segment is still there in full: a crash came before it was removed.
base::Status remove_unfinished_archives(const std::string& ledger_directory);

// Its header: which entry begins it, and when. io when it cannot be read.
base::Result<SegmentHeader> read_segment_header(const std::string& ledger_directory, uint64_t first_index);

// The first entry that is still there: 0 unless older ones were pruned.
uint64_t first_entry(const std::vector<SegmentFile>& segments);

// The records from a segment's start up to the first fault.
class Segment {
 public:
  static base::Result<Segment> load(const SegmentFile& file);
  // Reads what was appended since.
  base::Status refresh();
  // Reads those from `index` on again the next time.
  void forget_from(uint64_t index);

  const SegmentFile& file() const { return file_; }
  const std::string& bytes() const { return bytes_; }
  uint64_t count() const { return offsets_.size(); }
  uint64_t end_index() const { return file_.first_index + count(); }
  // A view that the next refresh() invalidates. index in [first_index, end_index).
  Frame frame(uint64_t index) const;
  // The same without comparing checksums again: payload_intact is false.
  Frame frame_unchecked(uint64_t index) const;
  size_t offset(uint64_t index) const { return offsets_[index - file_.first_index]; }
  // Where the sound records end, and why; `none` when at the end of the file.
  size_t end_offset() const { return end_; }
  FrameFault fault() const { return fault_; }

 private:
  explicit Segment(SegmentFile file) : file_(std::move(file)) {}
  void walk();

  SegmentFile file_;
  std::string bytes_;
  std::vector<uint32_t> offsets_;
  size_t end_ = 0;
  FrameFault fault_ = FrameFault::none;
};

}  // namespace hv::audit
