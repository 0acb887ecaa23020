#include "audit/segment_packer.h"

#include <zstd.h>

#include "audit/archive_block.h"
#include "audit/archive_layout.h"
#include "audit/crc32c.h"
#include "audit/frame.h"
#include "base/format.h"

namespace hv::audit {

using archive_layout::kMagic;
using archive_layout::kMaxBlock;
using archive_layout::put;

namespace {

// A search that finds many scattered records unpacks a block for each: a quarter of what a reader takes packs hardly
// worse.
constexpr size_t kRecords = 64;
static_assert(kRecords <= archive_layout::kMaxRecords);
constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr int kLevel = 9;

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_CDict* dictionary) const { ZSTD_freeCDict(dictionary); }
};

base::Failure not_packed(std::string_view why) {
  return base::Failure(base::io_error(base::format("pack a segment: {}", why)));
}

}  // namespace

// What the first block holds is what the others have in common with it.
struct SegmentPacker::Zstd {
  std::unique_ptr<ZSTD_CCtx, FreeZstd> context{ZSTD_createCCtx()};
  std::unique_ptr<ZSTD_CDict, FreeZstd> dictionary;
};

SegmentPacker::SegmentPacker(std::string_view header, uint64_t first_index)
    : zstd_(std::make_unique<Zstd>()), header_(header), index_(first_index) {}
SegmentPacker::SegmentPacker(SegmentPacker&&) noexcept = default;
SegmentPacker::~SegmentPacker() = default;

base::Result<SegmentPacker> SegmentPacker::begin(std::string_view header) {
  std::optional<SegmentHeader> decoded = decode_segment_header(header);
  if (!decoded) return base::Failure(base::conflict("pack a segment: its header is damaged"));
  return SegmentPacker(header.substr(0, kSegmentHeaderSize), decoded->first_index);
}

base::Status SegmentPacker::add(std::string_view record) {
  block_ += record;
  ends_.push_back(block_.size());
  return ends_.size() < kRecords && block_.size() < kBlockBytes ? base::Status{} : end_block();
}

base::Result<std::string> SegmentPacker::pack(const std::string& plain) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  size_t size = zstd_->dictionary ? ZSTD_compress_usingCDict(zstd_->context.get(), packed.data(), packed.size(),
                                                             plain.data(), plain.size(), zstd_->dictionary.get())
                                  : ZSTD_compressCCtx(zstd_->context.get(), packed.data(), packed.size(), plain.data(),
                                                      plain.size(), kLevel);
  if (ZSTD_isError(size) != 0) return not_packed(ZSTD_getErrorName(size));
  packed.resize(size);
  if (!zstd_->dictionary) zstd_->dictionary.reset(ZSTD_createCDict(plain.data(), plain.size(), kLevel));
  if (!zstd_->dictionary) return not_packed("no memory for it");
  return packed;
}

base::Status SegmentPacker::end_block() {
  std::vector<std::string_view> frames;
  size_t begin = 0;
  for (size_t end : ends_) {
    frames.push_back(std::string_view(block_).substr(begin, end - begin));
    begin = end;
  }
  ArchiveBlock parts = take_apart(frames, index_);
  if (parts.plain.size() > kMaxBlock) return not_packed("a record is too large for it");
  if (put_together(parts.plain, parts.dense, index_, frames.size(), block_.size()).value_or("") != block_)
    return not_packed("it would not come back as it was");
  std::string packed = HV_TRY(pack(parts.plain));
  std::string stored;
  put(stored, static_cast<uint32_t>(packed.size()));
  stored += packed;
  stored += parts.dense;
  put(table_, static_cast<uint32_t>(stored.size() + 4));
  put(table_, static_cast<uint32_t>(frames.size()));
  put(table_, static_cast<uint32_t>(block_.size()));
  put(blocks_, crc32c(stored));
  blocks_ += stored;
  index_ += frames.size();
  ++count_;
  block_.clear();
  ends_.clear();
  return {};
}

base::Result<std::string> SegmentPacker::finish() {
  if (!ends_.empty()) HV_TRY(end_block());
  std::string out(kMagic);
  out += header_;
  put(out, count_);
  put(out, 0);
  out += table_;
  put(out, crc32c(out));
  out += blocks_;
  return out;
}

base::Result<std::string> pack_segment(std::string_view bytes) {
  SegmentPacker packer = HV_TRY(SegmentPacker::begin(bytes));
  std::string_view rest = bytes.substr(kSegmentHeaderSize);
  while (!rest.empty()) {
    FrameResult result = decode_envelope_frame(rest);
    if (result.fault != FrameFault::none)
      return base::Failure(base::conflict(base::format("pack a segment: entry {} is damaged", packer.next_index())));
    HV_TRY(packer.add(rest.substr(0, result.frame.size())));
    rest.remove_prefix(result.frame.size());
  }
  return packer.finish();
}

}  // namespace hv::audit
