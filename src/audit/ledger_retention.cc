// What the ledger gives up: payloads first, then whole records, each said before it is done.
#include <cerrno>

#include <unistd.h>

#include "audit/ledger.h"
#include "audit/ledger_event.h"
#include "audit/reader.h"
#include "audit/segment.h"
#include "audit/segment_bytes.h"
#include "audit/tile_tree.h"
#include "base/format.h"

namespace hv::audit {

base::Status Ledger::delete_payloads(uint64_t first, uint64_t last, const std::string& principal,
                                     const std::string& reason) {
  Reader reader(options_.directory);
  if (first > last || last >= size())
    return base::Failure(
        base::invalid_argument(base::format("delete payloads {} to {}: no such entries", first, last)));
  Query query;
  query.from = first;
  query.before = last + 1;
  std::optional<std::string> kept;
  HV_TRY(reader.scan(query, [&](const Entry& entry) {
    if (entry.envelope.version != kEnvelopeVersion)
      kept = base::format("delete payload {}: it is of version {}, which this program does not know",
                          entry.envelope.index, entry.envelope.version);
    if (entry.envelope.kind.starts_with("ledger."))
      kept = base::format("delete payload {}: it belongs to the ledger's own event '{}'", entry.envelope.index,
                          entry.envelope.kind);
    return !kept;
  }));
  if (kept) return base::Failure(base::denied(*std::move(kept)));
  core::Event event = event_of_ledger("ledger.payload_deleted", {{"first", first}, {"last", last}, {"reason", reason}},
                                      core::Risk::medium);
  event.principal = principal;
  (void)HV_TRY(record(event));
  // Afterwards no repair can write the payload back: everything up to here is durable.
  HV_TRY(sync());
  return erase_payloads({first, last}, {});
}

bool Ledger::can_forget(const Envelope& envelope, const std::string& sandbox) {
  if (envelope.kind.starts_with("ledger.") || envelope.version != kEnvelopeVersion) return false;
  return sandbox.empty() || (envelope.sandbox == sandbox && envelope.kind != "probe.proof");
}

base::Result<std::optional<Range>> Ledger::forget_payloads(uint64_t before, const std::string& principal,
                                                           const std::string& reason, uint64_t from,
                                                           const std::string& sandbox) {
  Reader reader(options_.directory);
  Query query;
  query.from = from;
  query.before = std::min(before, size());
  query.sandbox = sandbox;
  std::optional<Range> range;
  HV_TRY(reader.scan(query, [&](const Entry& entry) {
    if (entry.payload_state == PayloadState::deleted || !can_forget(entry.envelope, sandbox)) return true;
    if (!range) range = Range{entry.envelope.index, entry.envelope.index};
    range->last = entry.envelope.index;
    return true;
  }));
  if (!range) return range;
  core::Event event =
      event_of_ledger("ledger.payload_deleted", {{"first", range->first}, {"last", range->last}, {"reason", reason}},
                      core::Risk::medium);
  if (!sandbox.empty()) event.payload["sandbox"] = event.sandbox = sandbox;
  event.principal = principal;
  (void)HV_TRY(record(event));
  HV_TRY(sync());
  HV_TRY(erase_payloads(*range, sandbox));
  return range;
}

base::Status Ledger::erase_payloads(const Range& range, const std::string& sandbox) {
  std::lock_guard house(keeping_house_);
  std::vector<SegmentFile> segments = HV_TRY(list_segments(options_.directory));
  for (size_t i = 0; i < segments.size() && segments[i].first_index <= range.last; ++i) {
    if (i + 1 < segments.size() && segments[i + 1].first_index <= range.first) continue;
    const SegmentFile& file = segments[i];
    HV_TRY(file.archived ? erase_in_archive(file, range, sandbox) : erase_in_segment(file, range, sandbox));
  }
  return {};
}

base::Result<std::optional<Range>> Ledger::prune(uint64_t before, const std::string& principal,
                                                 const std::string& reason) {
  std::vector<SegmentFile> segments = HV_TRY(list_segments(options_.directory));
  size_t keep = 0;
  while (keep + 1 < segments.size() && segments[keep + 1].first_index <= before) ++keep;
  if (keep == 0) return std::optional<Range>();
  Range range{segments[0].first_index, segments[keep].first_index - 1};
  // Without these marks the next opening would have to read what is gone.
  std::string marks = options_.directory + "/journal/" + SpoolIndex::file_name(range.last + 1);
  base::Result<std::string> text = base::read_file(marks);
  if (!text || !SpoolIndex::decode(*text))
    return base::Failure(base::conflict("prune the ledger: " + marks + " is missing or damaged"));
  std::lock_guard house(keeping_house_);
  HV_TRY(seal());
  if (standing().sealed <= range.last)
    return base::Failure(base::conflict("prune the ledger: what is not sealed is not pruned"));
  core::Event event = event_of_ledger(
      "ledger.pruned", {{"first", range.first}, {"last", range.last}, {"reason", reason}}, core::Risk::medium);
  event.principal = principal;
  (void)HV_TRY(record(event));
  // From here on the tiles alone have these entries' hashes: later ones are waited for, and those that were not, below.
  {
    Lock lock(mutex_);
    pruned_ = range.last + 1;
  }
  // Under a signature before anything is gone: a verifier believes no other word for it.
  HV_TRY(seal());
  HV_TRY_CONTEXT(options_.files->sync_file_system(options_.directory), "prune the ledger");
  // The oldest first, so that what a crash leaves is still the ledger's end.
  for (size_t i = 0; i < keep; ++i) {
    std::string path = segment_path(options_.directory, segments[i].first_index).value_or(segments[i].path);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return base::Failure(base::Error::from_errno(errno, "prune the ledger", path));
    (void)options_.files->remove_tree(options_.directory + "/journal/" +
                                      SpoolIndex::file_name(segments[i].first_index));
  }
  for (uint64_t bundle = range.first / kTileWidth; (bundle + 1) * kTileWidth <= range.last + 1; ++bundle)
    (void)options_.files->remove_tree(options_.directory + "/" + entries_path(bundle));
  return std::optional<Range>(range);
}

}  // namespace hv::audit
