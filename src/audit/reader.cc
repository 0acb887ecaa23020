#include "audit/reader.h"

#include <algorithm>

#include "audit/later_envelope.h"
#include "base/format.h"
#include "base/json.h"
#include "core/audit_query.h"

namespace hv::audit {

namespace {

base::Failure damaged(uint64_t index, const SegmentFile& file) {
  return base::Failure(base::io_error(base::format("read the ledger: entry {} in {} is damaged", index, file.path))
                           .with_hint("run 'hydravisor audit verify' to see how far the damage goes"));
}

base::Result<Entry> make_entry(const Segment& segment, uint64_t index) {
  std::optional<Entry> entry = entry_of(segment.frame(index), index);
  if (!entry) return damaged(index, segment.file());
  return *std::move(entry);
}

}  // namespace

std::optional<Entry> entry_of(const Frame& frame, uint64_t index) {
  Entry entry;
  if (base::Result<Envelope> envelope = decode_envelope(frame.envelope)) {
    entry.envelope = *std::move(envelope);
  } else if (std::optional<LaterEnvelope> later = read_later_envelope(frame.envelope)) {
    entry.envelope.version = later->version;
    entry.envelope.index = later->index;
  } else {
    return std::nullopt;
  }
  if (entry.envelope.index != index) return std::nullopt;
  entry.envelope_text = frame.envelope;
  entry.payload_state = frame.payload_deleted  ? PayloadState::deleted
                        : frame.payload_intact ? PayloadState::present
                                               : PayloadState::damaged;
  if (entry.payload_state == PayloadState::present) {
    entry.salt = frame.salt;
    entry.payload = frame.payload;
  }
  return entry;
}

bool matches(const Query& query, const Envelope& envelope) {
  if (envelope.index < query.from || (query.before && envelope.index >= *query.before)) return false;
  std::string_view prefix = query.kind_prefix;
  if (prefix.ends_with('.')) prefix.remove_suffix(1);
  if (envelope.version != kEnvelopeVersion)
    return query.sandbox.empty() && query.principal.empty() && !query.since && !query.until &&
           (prefix.empty() || prefix == core::kUnknownKind);
  if (!query.sandbox.empty() && envelope.sandbox != query.sandbox) return false;
  if (!query.principal.empty() && envelope.principal != query.principal) return false;
  if (query.since && envelope.time < *query.since) return false;
  if (query.until && envelope.time >= *query.until) return false;
  if (prefix.empty()) return true;
  std::string_view kind = envelope.kind;
  return kind.starts_with(prefix) && (kind.size() == prefix.size() || kind[prefix.size()] == '.');
}

base::Result<const Segment*> Reader::segment_of(uint64_t index) {
  auto loaded_has = [&] { return loaded_ && index >= loaded_->file().first_index && index < loaded_->end_index(); };
  if (loaded_has()) return &*loaded_;
  files_ = HV_TRY(list_segments(directory_));
  auto after = std::ranges::upper_bound(files_, index, {}, &SegmentFile::first_index);
  if (after == files_.begin()) return nullptr;
  const SegmentFile& file = *std::prev(after);
  if (loaded_ && loaded_->file().path == file.path) {
    HV_TRY(loaded_->refresh());
  } else {
    loaded_ = HV_TRY(Segment::load(file));
  }
  if (loaded_has()) return &*loaded_;
  if (after != files_.end()) return damaged(loaded_->end_index(), file);
  return nullptr;
}

base::Result<uint64_t> Reader::size() {
  std::vector<SegmentFile> files = HV_TRY(list_segments(directory_));
  if (files.empty()) return 0;
  (void)HV_TRY(segment_of(files.back().first_index));
  // A segment is named before its first record is there.
  if (!loaded_ || loaded_->file().path != files.back().path) return files.back().first_index;
  HV_TRY(loaded_->refresh());
  return loaded_->end_index();
}

base::Result<Entry> Reader::at(uint64_t index) {
  bool read_before = loaded_ && index >= loaded_->file().first_index && index < loaded_->end_index();
  const Segment* segment = HV_TRY(segment_of(index));
  if (segment == nullptr && index < first_entry(files_))
    return base::Failure(base::not_found(base::format("entry {} of the ledger was pruned", index))
                             .with_hint("when and why: hydravisor audit search --kind ledger.pruned"));
  if (segment == nullptr) return base::Failure(base::not_found(base::format("the ledger has no entry {}", index)));
  if (base::Result<Entry> entry = make_entry(*segment, index);
      read_before && entry && entry->payload_state != PayloadState::deleted) {
    // A payload may have been deleted since the segment was read.
    Segment fresh = HV_TRY(Segment::load(segment->file()));
    loaded_ = std::move(fresh);
    segment = &*loaded_;
  }
  if (index >= segment->end_index()) return damaged(index, segment->file());
  return make_entry(*segment, index);
}

base::Result<bool> Reader::visit_one(const Segment& segment, uint64_t index, const Query& query, size_t& left,
                                     const std::function<bool(const Entry&)>& visit) {
  Entry entry = HV_TRY(make_entry(segment, index));
  if (!matches(query, entry.envelope)) return true;
  bool more = visit(entry);
  return more && --left > 0;
}

base::Status Reader::scan(const Query& query, const std::function<bool(const Entry&)>& visit) {
  size_t left = query.limit;
  if (left == 0) return {};
  uint64_t end = query.before.value_or(UINT64_MAX);
  if (!query.newest_first) {
    uint64_t first = first_entry(HV_TRY(list_segments(directory_)));
    for (uint64_t index = std::max(query.from, first); index < end; ++index) {
      const Segment* segment = HV_TRY(segment_of(index));
      if (segment == nullptr || !HV_TRY(visit_one(*segment, index, query, left, visit))) return {};
    }
    return {};
  }
  for (uint64_t index = std::min(end, HV_TRY(size())); index > query.from; --index) {
    const Segment* segment = HV_TRY(segment_of(index - 1));
    if (segment == nullptr || !HV_TRY(visit_one(*segment, index - 1, query, left, visit))) return {};
  }
  return {};
}

void Reader::forget_from(uint64_t index) {
  if (loaded_) loaded_->forget_from(index);
}

base::Result<std::vector<Entry>> Reader::list(const Query& query) {
  std::vector<Entry> entries;
  HV_TRY(scan(query, [&](const Entry& entry) {
    entries.push_back(entry);
    return true;
  }));
  return entries;
}

base::Result<core::Event> to_event(const Entry& entry) {
  if (entry.envelope.version != kEnvelopeVersion)
    return base::Failure(
        base::unsupported(base::format("entry {}: it is of version {}, which this program does not know",
                                       entry.envelope.index, entry.envelope.version)));
  if (entry.payload_state != PayloadState::present)
    return base::Failure(
        base::conflict(base::format("entry {}: its payload is {}", entry.envelope.index,
                                    entry.payload_state == PayloadState::deleted ? "deleted" : "damaged")));
  base::json::Value payload = HV_TRY_CONTEXT(base::json::parse(entry.payload), "ledger payload");
  if (!payload.is_object()) return base::Failure(base::io_error("ledger payload: not an object"));
  core::Event event;
  event.wall = entry.envelope.time;
  event.monotonic = entry.envelope.monotonic;
  event.kind = entry.envelope.kind;
  event.sandbox = entry.envelope.sandbox;
  event.principal = entry.envelope.principal;
  event.trust = entry.envelope.trust;
  event.risk = entry.envelope.risk;
  event.origin = entry.envelope.origin;
  event.payload = std::move(payload.get_object());
  return event;
}

}  // namespace hv::audit
