// Packs a finished segment into an archive (archive.h), record by record: what is in memory is the archive as far as it
// is made, and the block that is being filled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::audit {

class SegmentPacker {
 public:
  // `header` is the segment's; conflict when it is damaged.
  static base::Result<SegmentPacker> begin(std::string_view header);
  SegmentPacker(SegmentPacker&&) noexcept;
  ~SegmentPacker();

  // The next record, whole and sound. Each block is unpacked again and compared: io when it would not come back.
  base::Status add(std::string_view record);
  // Of the record that add() takes next.
  uint64_t next_index() const { return index_ + ends_.size(); }
  // The archive; nothing can be added afterwards.
  base::Result<std::string> finish();

 private:
  struct Zstd;
  SegmentPacker(std::string_view header, uint64_t first_index);
  base::Status end_block();
  base::Result<std::string> pack(const std::string& plain);

  std::unique_ptr<Zstd> zstd_;
  std::string header_;
  uint64_t index_ = 0;  // of the block's first record
  std::string block_;   // its records
  std::vector<size_t> ends_;
  std::string table_;
  std::string blocks_;
  uint32_t count_ = 0;
};

// The archive of a segment with these bytes. conflict when it does not consist of whole, sound records.
base::Result<std::string> pack_segment(std::string_view bytes);

}  // namespace hv::audit
