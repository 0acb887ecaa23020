// The bytes of one segment, wherever they are: in the journal as they were written, or in the archive that a finished
// segment was packed into. Offsets are those of the segment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "audit/archive.h"
#include "base/fd.h"
#include "base/result.h"

namespace hv::audit {

// Not for several threads at once.
class SegmentBytes {
 public:
  // not_found (ENOENT) when there is neither.
  static base::Result<SegmentBytes> open(const std::string& ledger_directory, uint64_t first_index);

  bool is_archive() const { return archive_.has_value(); }
  // As many bytes as there are now.
  base::Result<uint64_t> size();
  // Appends up to `most` bytes from `offset` on; how many, 0 at the end.
  base::Result<size_t> read(uint64_t offset, size_t most, std::string& out);

 private:
  SegmentBytes(base::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  explicit SegmentBytes(Archive archive) : archive_(std::move(archive)) {}
  base::Fd fd_;
  std::string path_;
  std::optional<Archive> archive_;
};

// Where it lies now; nullopt when there is neither. Of both the journal's own counts: the archive was not finished.
std::optional<std::string> segment_path(const std::string& ledger_directory, uint64_t first_index);

}  // namespace hv::audit
