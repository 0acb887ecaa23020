#include "audit/archive.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "audit/archive_block.h"
#include "audit/archive_layout.h"
#include "audit/crc32c.h"
#include "base/format.h"

namespace hv::audit {

using archive_layout::get;
using archive_layout::kFixed;
using archive_layout::kMagic;
using archive_layout::kMaxBlock;
using archive_layout::kMaxRecords;
using archive_layout::kTableEntry;

namespace {

constexpr std::string_view kSuffix = ".archive";
constexpr size_t kMaxBlocks = size_t{1} << 22;

struct FreeZstd {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_DDict* dictionary) const { ZSTD_freeDDict(dictionary); }
};

}  // namespace

struct Archive::Unpacker {
  std::unique_ptr<ZSTD_DCtx, FreeZstd> context{ZSTD_createDCtx()};
  std::unique_ptr<ZSTD_DDict, FreeZstd> dictionary;
};

std::string archive_name(uint64_t first_index) {
  return base::format("{:020}{}", first_index, kSuffix);
}

std::optional<uint64_t> parse_archive_name(std::string_view name) {
  if (name.size() != 20 + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  uint64_t index = 0;
  auto [end, code] = std::from_chars(name.data(), name.data() + 20, index);
  if (code != std::errc{} || end != name.data() + 20) return std::nullopt;
  return index;
}

Archive::Archive(base::Fd fd, std::string path)
    : fd_(std::move(fd)), path_(std::move(path)), unpacker_(std::make_shared<Unpacker>()) {}

base::Failure Archive::damaged(std::string_view why) const {
  return base::Failure(base::io_error(base::format("read the journal: {}: {}", path_, why))
                           .with_hint("run 'hydravisor audit verify' to see how far the damage goes"));
}

namespace {

base::Result<std::string> read_at(const base::Fd& fd, const std::string& path, uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  size_t have = 0;
  while (have < size) {
    ssize_t count = ::pread(fd.get(), bytes.data() + have, size - have, static_cast<off_t>(offset + have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::Failure(base::Error::from_errno(errno, "read the journal", path));
    if (count == 0) break;
    have += static_cast<size_t>(count);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

base::Result<Archive> Archive::open(const std::string& path) {
  return over(HV_TRY_CONTEXT(base::open_file(path, O_RDONLY), "read the journal"), path);
}

base::Result<Archive> Archive::over(base::Fd fd, std::string path) {
  Archive archive(std::move(fd), std::move(path));
  HV_TRY(archive.read_table());
  return archive;
}

base::Status Archive::read_table() {
  struct stat about{};
  if (::fstat(fd_.get(), &about) != 0) return base::Failure(base::Error::from_errno(errno, "read the journal", path_));
  auto file_size = static_cast<uint64_t>(about.st_size);
  std::string head = HV_TRY(read_at(fd_, path_, 0, kFixed));
  if (head.size() < kFixed || !head.starts_with(kMagic)) return damaged("it is no archive of a segment");
  header_ = head.substr(kMagic.size(), kSegmentHeaderSize);
  std::optional<SegmentHeader> header = decode_segment_header(header_);
  size_t count = get(head, kFixed - 8);
  if (!header || count > kMaxBlocks || file_size < kFixed + count * kTableEntry + 4)
    return damaged("its header is damaged");
  std::string table = HV_TRY(read_at(fd_, path_, kFixed, count * kTableEntry + 4));
  if (table.size() != count * kTableEntry + 4 ||
      get(table, count * kTableEntry) != crc32c(std::string_view(table).substr(0, count * kTableEntry), crc32c(head)))
    return damaged("its table is damaged");
  Block block;
  block.stored_at = kFixed + table.size();
  block.first = header->first_index;
  block.begin = kSegmentHeaderSize;
  blocks_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    block.stored = get(table, i * kTableEntry);
    block.records = get(table, i * kTableEntry + 4);
    block.size = get(table, i * kTableEntry + 8);
    if (block.stored < 8 || block.stored > 2 * kMaxBlock || block.records == 0 || block.records > kMaxRecords)
      return damaged("its table is damaged");
    blocks_.push_back(block);
    block.stored_at += block.stored;
    block.first += block.records;
    block.begin += block.size;
  }
  if (block.stored_at != file_size) return damaged("its size is not that of its blocks");
  size_ = block.begin;
  return {};
}

base::Result<std::string> Archive::unpack(const Block& block) {
  std::string stored = HV_TRY(read_at(fd_, path_, block.stored_at, block.stored));
  if (stored.size() != block.stored || get(stored, 0) != crc32c(std::string_view(stored).substr(4)))
    return damaged(base::format("the block of entry {} is damaged", block.first));
  std::string_view rest = std::string_view(stored).substr(4);
  size_t packed_size = get(rest, 0);
  rest.remove_prefix(4);
  auto bad = [&] { return damaged(base::format("the block of entry {} cannot be unpacked", block.first)); };
  if (packed_size > rest.size()) return bad();
  std::string_view packed = rest.substr(0, packed_size);
  unsigned long long plain_size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (plain_size > kMaxBlock) return bad();  // unknown or wrong are larger than that too
  std::string plain(plain_size, '\0');
  bool first = &block == &blocks_.front();
  if (!first && !unpacker_->dictionary) {
    (void)HV_TRY(unpack(blocks_.front()));
    if (!unpacker_->dictionary) return bad();
  }
  size_t size =
      first ? ZSTD_decompressDCtx(unpacker_->context.get(), plain.data(), plain.size(), packed.data(), packed.size())
            : ZSTD_decompress_usingDDict(unpacker_->context.get(), plain.data(), plain.size(), packed.data(),
                                         packed.size(), unpacker_->dictionary.get());
  if (size != plain_size) return bad();
  if (first && !unpacker_->dictionary) unpacker_->dictionary.reset(ZSTD_createDDict(plain.data(), plain.size()));
  base::Result<std::string> records =
      put_together(plain, rest.substr(packed_size), block.first, block.records, block.size);
  if (!records) return bad();
  return records;
}

base::Result<std::string_view> Archive::read(uint64_t offset, size_t most) {
  if (offset >= size_) return std::string_view();
  if (offset < kSegmentHeaderSize) return std::string_view(header_).substr(offset, most);
  auto block = std::prev(std::ranges::upper_bound(blocks_, offset, {}, &Block::begin));
  auto number = static_cast<size_t>(block - blocks_.begin());
  if (open_block_ != number) {
    open_block_.reset();
    records_ = HV_TRY(unpack(*block));
    open_block_ = number;
  }
  return std::string_view(records_).substr(offset - block->begin, most);
}

base::Result<std::string> Archive::read_all() {
  std::string bytes = header_;
  bytes.reserve(size_);
  for (const Block& block : blocks_) bytes += HV_TRY(unpack(block));
  return bytes;
}

}  // namespace hv::audit
