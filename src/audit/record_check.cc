#include "audit/record_check.h"

#include <algorithm>
#include <thread>

#include "audit/envelope.h"
#include "audit/later_envelope.h"

namespace hv::audit {

namespace {

Checked check_record(const Frame& frame, uint64_t index) {
  Checked result;
  result.leaf = leaf_hash(frame.envelope);
  base::Result<Envelope> envelope = decode_envelope(frame.envelope);
  result.right_envelope = envelope && envelope->index == index;
  result.payload_deleted = frame.payload_deleted;
  if (!envelope) {
    std::optional<LaterEnvelope> later = read_later_envelope(frame.envelope);
    result.later = result.right_envelope = later && later->index == index;
    return result;
  }
  result.payload_right = !frame.payload_deleted && envelope->payload_size == frame.payload.size() &&
                         envelope->payload_hash == base::sha256({frame.salt, frame.payload});
  result.of_ledger = envelope->kind.starts_with("ledger.");
  if (result.payload_deleted) result.sandbox = std::move(envelope->sandbox);
  result.origin = std::move(envelope->origin);
  return result;
}

CheckedSegment check_segment(const SegmentFile& file, uint64_t from, unsigned threads) {
  CheckedSegment result{file, Segment::load(file), std::max(from, file.first_index), {}};
  if (!result.segment || result.segment->end_index() <= result.first) return result;
  const Segment& segment = *result.segment;
  uint64_t count = segment.end_index() - result.first;
  result.records.resize(count);
  auto work = [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i)
      // The hash is compared; a checksum would tell less.
      result.records[i] = check_record(segment.frame_unchecked(result.first + i), result.first + i);
  };
  // Below this a thread costs more than it saves.
  uint64_t share = std::max<uint64_t>(512, (count + threads - 1) / threads);
  std::vector<std::jthread> helpers;
  for (uint64_t begin = share; begin < count; begin += share)
    helpers.emplace_back(work, begin, std::min(count, begin + share));
  work(0, std::min(count, share));
  return result;
}

}  // namespace

CheckedJournal::CheckedJournal(std::vector<SegmentFile> files, uint64_t from, unsigned threads)
    : files_(std::move(files)), from_(from), threads_(threads) {
  // The first segment that has something of it.
  while (files_.size() > 1 && files_[1].first_index <= from_) files_.erase(files_.begin());
  start();
}

void CheckedJournal::start() {
  if (started_ == files_.size()) return;
  ahead_ = std::async(std::launch::async, check_segment, files_[started_++], from_, threads_);
}

std::optional<CheckedSegment> CheckedJournal::next() {
  if (!ahead_.valid()) return std::nullopt;
  CheckedSegment segment = ahead_.get();
  start();
  return segment;
}

}  // namespace hv::audit
