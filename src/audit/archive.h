// A finished segment of the journal, packed (docs/ledger-format.md): the same records in a tenth of the room. It is
// made of blocks that are unpacked one by one, so that reading a record does not unpack them all.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/frame.h"
#include "base/fd.h"
#include "base/result.h"

namespace hv::audit {

// "00000000000000000042.archive".
std::string archive_name(uint64_t first_index);
std::optional<uint64_t> parse_archive_name(std::string_view name);

// Not for several threads at once.
class Archive {
 public:
  // io when the file is no archive, or a damaged one. Blocks are looked at when they are read.
  static base::Result<Archive> open(const std::string& path);
  // Takes the descriptor of an open one; `path` is for errors.
  static base::Result<Archive> over(base::Fd fd, std::string path);

  // Of the segment that it stands for, in bytes.
  uint64_t size() const { return size_; }
  // Bytes of the segment from `offset` on, at most `most`, and never more than to the end of a block; empty only at the
  // end. A view that the next call invalidates.
  base::Result<std::string_view> read(uint64_t offset, size_t most);
  base::Result<std::string> read_all();

 private:
  struct Block {
    uint64_t stored_at = 0;
    uint32_t stored = 0;  // bytes in the file
    uint32_t records = 0;
    uint64_t first = 0;  // index of its first record
    uint64_t begin = 0;  // where its records begin in the segment
    uint64_t size = 0;   // and how many bytes they have
  };
  struct Unpacker;
  Archive(base::Fd fd, std::string path);
  base::Status read_table();
  base::Result<std::string> unpack(const Block& block);
  base::Failure damaged(std::string_view why) const;

  base::Fd fd_;
  std::string path_;
  std::string header_;  // the segment's
  uint64_t size_ = 0;
  std::vector<Block> blocks_;
  std::shared_ptr<Unpacker> unpacker_;
  std::optional<size_t> open_block_;
  std::string records_;  // of open_block_
};

}  // namespace hv::audit
