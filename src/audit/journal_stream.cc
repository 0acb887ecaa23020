#include "audit/journal_stream.h"

#include <cerrno>
#include <utility>

#include "base/format.h"

namespace hv::audit {

namespace {

constexpr size_t kChunk = size_t{256} << 10;
constexpr size_t kSmallRead = size_t{8} << 10;

base::Failure damaged(const Place& place) {
  return base::Failure(base::io_error(base::format("read the ledger: entry {} in {} is damaged", place.index,
                                                   segment_name(place.segment)))
                           .with_hint("run 'hydravisor audit verify' to see how far the damage goes"));
}

}  // namespace

JournalStream::JournalStream(std::string directory, Place place)
    : directory_(std::move(directory)), place_(place), last_(place) {}

// Reads on behind what the buffer holds; false at the end of the segment.
base::Result<bool> JournalStream::fill() {
  if (!source_) {
    base::Result<SegmentBytes> opened = SegmentBytes::open(directory_, place_.segment);
    if (!opened) {
      if (opened.error().os_error() == ENOENT) return false;
      return base::Failure(std::move(opened).error());
    }
    source_ = *std::move(opened);
  }
  buffer_.erase(0, std::exchange(at_, 0));
  return HV_TRY(source_->read(place_.offset + buffer_.size(), kChunk, buffer_)) > 0;
}

base::Result<bool> JournalStream::enter_next_segment() {
  if (!segment_path(directory_, place_.index) || place_.segment == place_.index) return false;
  place_.segment = place_.index;
  place_.offset = kSegmentHeaderSize;
  buffer_.clear();
  at_ = 0;
  source_.reset();
  return true;
}

base::Result<std::optional<Entry>> JournalStream::next() {
  for (;;) {
    FrameResult result = decode_frame(std::string_view(buffer_).substr(at_));
    if (result.fault == FrameFault::none) {
      std::optional<Entry> entry = entry_of(result.frame, place_.index);
      if (!entry) return damaged(place_);
      last_ = place_;
      at_ += result.frame.size();
      place_.offset += result.frame.size();
      ++place_.index;
      return entry;
    }
    bool ends_here = at_ == buffer_.size();
    if (result.fault == FrameFault::incomplete && HV_TRY(fill())) continue;
    if (ends_here && at_ == buffer_.size()) {
      if (HV_TRY(enter_next_segment())) continue;
      return std::optional<Entry>();
    }
    buffer_.clear();
    at_ = 0;
    std::vector<SegmentFile> segments = HV_TRY(list_segments(directory_));
    if (!segments.empty() && segments.back().first_index > place_.segment) return damaged(place_);
    // The writer may be in the middle of this record, or cut off one that did not fit the disk: look again next time.
    return std::optional<Entry>();
  }
}

base::Result<Entry> PlaceReader::read(const Place& place) {
  if (segment_ != place.segment) {
    source_ = HV_TRY(SegmentBytes::open(directory_, place.segment));
    segment_ = place.segment;
    buffer_.clear();
  }
  uint64_t end = begin_ + buffer_.size();
  bool inside = !buffer_.empty() && place.offset >= begin_ && place.offset < end;
  bool near = !buffer_.empty() && place.offset >= end && place.offset - end < kChunk;
  if (!inside) HV_TRY(fill(place, near ? kChunk : kSmallRead));
  FrameResult result = decode_frame(std::string_view(buffer_).substr(place.offset - begin_));
  if (result.fault == FrameFault::incomplete) {
    HV_TRY(fill(place, inside ? kChunk : size_t{kMaxFramedPayload} + kMaxEnvelopeSize + kChunk));
    result = decode_frame(buffer_);
    if (result.fault == FrameFault::incomplete) {
      HV_TRY(fill(place, size_t{kMaxFramedPayload} + kMaxEnvelopeSize + kChunk));
      result = decode_frame(buffer_);
    }
  }
  std::optional<Entry> entry;
  if (result.fault == FrameFault::none) entry = entry_of(result.frame, place.index);
  if (!entry)
    return base::Failure(base::conflict(base::format("read the ledger: entry {} is not where it was", place.index)));
  return *std::move(entry);
}

base::Status PlaceReader::fill(const Place& place, size_t size) {
  buffer_.clear();
  begin_ = place.offset;
  (void)HV_TRY(source_->read(place.offset, size, buffer_));
  return {};
}

}  // namespace hv::audit
