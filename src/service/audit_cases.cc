#include "service/audit_cases.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include <sys/stat.h>

#include "audit/bundle.h"
#include "audit/merkle.h"
#include "audit/segment.h"
#include "audit/verified_mark.h"
#include "audit/verify.h"
#include "base/format.h"
#include "base/text.h"
#include "core/id.h"
#include "index/terms.h"

namespace hv::service {

namespace {

constexpr size_t kBundlePiece = size_t{256} << 10;

using base::Failure;
using base::Result;
using base::Status;

// What nobody here can read is passed on as it is, and as what is believed least.
void describe_unknown(const audit::Entry& entry, core::AuditRecord& record) {
  record.version = entry.envelope.version;
  record.envelope = entry.envelope_text;
  record.event.kind = core::kUnknownKind;
  record.event.trust = core::Trust::claimed;
  record.redacted = entry.payload_state == audit::PayloadState::deleted;
  Result<base::json::Value> payload = base::json::parse(entry.payload);
  if (payload && payload->is_object()) {
    record.event.payload = std::move(payload->get_object());
  } else if (entry.payload_state == audit::PayloadState::damaged) {
    record.event.payload["_damaged"] = true;
  } else if (!record.redacted) {
    record.event.payload["_bytes"] = base::to_hex(entry.payload);
  }
}

core::AuditRecord to_record(const audit::Entry& entry, const audit::Ledger::Standing& standing) {
  core::AuditRecord record;
  record.index = entry.envelope.index;
  if (entry.envelope.version != audit::kEnvelopeVersion) {
    describe_unknown(entry, record);
  } else if (Result<core::Event> event = audit::to_event(entry)) {
    record.event = *std::move(event);
  } else {
    // The envelope still says what happened, when and to whom; one lost payload must not hide the others' entries.
    const audit::Envelope& envelope = entry.envelope;
    record.event = {envelope.time,      envelope.monotonic, envelope.kind, envelope.sandbox,
                    envelope.principal, envelope.trust,     envelope.risk, {},
                    envelope.origin};
    record.redacted = entry.payload_state == audit::PayloadState::deleted;
    if (!record.redacted) record.event.payload["_damaged"] = true;
  }
  if (record.index < standing.sealed) {
    record.durability = core::Durability::sealed;
  } else if (record.index < standing.durable) {
    record.durability = core::Durability::durable;
  }
  if (record.durability != core::Durability::recorded)
    record.leaf_hash = base::to_hex(base::as_view(audit::leaf_hash(entry.envelope_text)));
  return record;
}

}  // namespace

std::unique_ptr<audit::Reader> AuditCases::take_reader() {
  std::unique_ptr<audit::Reader> idle = std::move(*idle_reader_.lock());
  return idle ? std::move(idle) : std::make_unique<audit::Reader>(ledger_.directory());
}

// A reader holds a whole segment in memory: worth keeping only while somebody follows the ledger's end.
void AuditCases::give_back(std::unique_ptr<audit::Reader> reader) {
  if (watchers_->lock()->empty()) reader.reset();
  *idle_reader_.lock() = std::move(reader);
}

Result<std::string> AuditCases::sandbox_id(const std::string& sandbox) const {
  if (auto id = core::SandboxId::parse(sandbox)) return id->text();
  Result<SandboxView> found = sandboxes_.find(sandbox);
  if (found) return found->info.id;
  if (found.error().code() != base::ErrorCode::not_found) return Failure(std::move(found).error());
  core::AuditQuery query;
  query.kind = "sandbox";
  query.text = sandbox;
  query.newest_first = true;
  std::string id;
  HV_TRY(index_.search(query, ledger_.size(), [&](const audit::Entry& entry) {
    Result<core::Event> event = audit::to_event(entry);
    if (!event) return true;
    const base::json::Value* name = event->payload.if_contains("name");
    if (name != nullptr && name->is_string() && std::string_view(name->get_string()) == sandbox) id = event->sandbox;
    return id.empty();
  }));
  if (id.empty()) return Failure(std::move(found).error());
  return id;
}

// Whoever follows the ledger's end, or reads all of it, reads the journal; whoever looks for something asks the index.
Status AuditCases::read(const core::AuditQuery& query, uint64_t size, const index::Index::Visit& visit) {
  if (query.newest_first || index::is_selective(query)) return index_.search(query, size, visit);
  std::unique_ptr<audit::Reader> reader = take_reader();
  audit::Query asked = index::envelope_query(query);
  asked.before = std::min(asked.before.value_or(size), size);
  Status status = reader->scan(asked, visit);
  reader->forget_from(size);
  give_back(std::move(reader));
  return status;
}

Result<core::AuditPage> AuditCases::audit_events(const core::AuditQuery& given) {
  if (given.limit < 1 || given.limit > 10'000)
    return Failure(base::invalid_argument(base::format("limit is {}; it must be from 1 to 10000", given.limit)));
  // Armed again before the reading begins: a record is either read now or wakes its watchers afterwards.
  std::list<Queue> queues = *watchers_->lock();
  for (const Queue& queue : queues) (void)queue->take();

  core::AuditQuery query = given;
  audit::Ledger::Standing standing = ledger_.standing();
  uint64_t size = standing.recorded;
  if (query.sandbox) query.sandbox = HV_TRY(sandbox_id(*query.sandbox));

  core::AuditPage page;
  // Only who looks for something meets the index.
  if (bool searched = query.newest_first || index::is_selective(query); searched)
    if (std::string failure = index_.standing().failure; !failure.empty())
      page.note = "the ledger was read instead of its index: " + failure;
  size_t bytes = 0;
  HV_TRY(read(query, size, [&](const audit::Entry& entry) {
    page.records.push_back(to_record(entry, standing));
    bytes += entry.payload.size();
    page.complete = page.records.size() < query.limit && bytes < kPageBytes;
    return page.complete;
  }));
  if (!page.complete) {
    page.seen = page.records.back().index;
  } else if (query.newest_first) {
    page.seen = query.after ? *query.after : 0;
  } else {
    uint64_t end = std::min(query.before.value_or(size), size);
    uint64_t from = query.after ? *query.after + 1 : 0;
    page.seen = end > from ? std::optional(end - 1) : query.after;
  }
  return page;
}

Result<core::AuditRecord> AuditCases::audit_event(uint64_t index) {
  audit::Reader reader(ledger_.directory());
  audit::Ledger::Standing standing = ledger_.standing();
  Result<audit::Entry> entry = reader.at(index);
  if (!entry && entry.error().code() == base::ErrorCode::not_found)
    return Failure(std::move(entry).error().with_hint("the last ones: hydravisor audit ls"));
  return to_record(HV_TRY(std::move(entry)), standing);
}

Result<core::VerifyReport> AuditCases::audit_verify(bool since_last) {
  // A full disk can forbid sealing, which is no sign of tampering: the report then shows fewer sealed than entries.
  (void)ledger_.seal();
  audit::VerifyOptions with;
  if (since_last) with.since = audit::read_verified_mark(ledger_.directory());
  audit::Report report = HV_TRY(audit::verify(ledger_.directory(), with));
  // One that cannot be kept costs the next verification time, and nothing else.
  if (report.intact() && !report.checkpoint_note.empty())
    (void)audit::keep_verified_mark(ledger_.directory(), report.checkpoint_note);
  return audit::summary(report);
}

Result<uint64_t> AuditCases::first_since(base::WallTime time) {
  core::AuditQuery query;
  query.since = time;
  uint64_t first = ledger_.size();
  HV_TRY(index_.search(query, first, [&](const audit::Entry& entry) {
    first = entry.envelope.index;
    return false;
  }));
  return first;
}

Result<std::optional<uint64_t>> AuditCases::first_payload_of(const std::string& sandbox, uint64_t from,
                                                             uint64_t before) {
  std::optional<uint64_t> found;
  if (from >= before) return found;
  core::AuditQuery query;
  query.sandbox = sandbox;
  if (from > 0) query.after = from - 1;
  query.before = before;
  HV_TRY(index_.search(query, before, [&](const audit::Entry& entry) {
    if (entry.payload_state != audit::PayloadState::deleted && audit::Ledger::can_forget(entry.envelope, sandbox))
      found = entry.envelope.index;
    return !found;
  }));
  return found;
}

Result<core::PruneReport> AuditCases::audit_prune(const core::PruneRequest& request, const std::string& by) {
  const std::string& who = by.empty() ? principal_ : by;
  if (!request.payloads_before && !request.before && !request.max_bytes)
    return Failure(base::invalid_argument("prune: say what may go: payloads_before, before or max_bytes"));
  if (request.reason.empty() || request.reason.size() > 1000)
    return Failure(base::invalid_argument("prune: 'reason' must be 1 to 1000 characters: it is what remains"));
  core::PruneReport report;
  if (request.payloads_before) {
    uint64_t before = HV_TRY(first_since(*request.payloads_before));
    auto range = HV_TRY(ledger_.forget_payloads(before, who, request.reason));
    if (range) report.payloads_first = range->first, report.payloads_last = range->last;
  }
  std::vector<audit::SegmentFile> segments = HV_TRY(audit::list_segments(ledger_.directory()));
  uint64_t before = request.before ? HV_TRY(first_since(*request.before)) : 0;
  uint64_t bytes = 0;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    struct stat about{};
    if (::stat(segment->path.c_str(), &about) == 0) bytes += static_cast<uint64_t>(about.st_size);
    if (!request.max_bytes || bytes <= *request.max_bytes) continue;
    // This one and all before it are too much.
    if (segment != segments.rbegin()) before = std::max(before, std::prev(segment)->first_index);
    break;
  }
  auto range = HV_TRY(ledger_.prune(before, who, request.reason));
  if (range) report.first = range->first, report.last = range->last;
  segments = HV_TRY(audit::list_segments(ledger_.directory()));
  for (const audit::SegmentFile& segment : segments) {
    struct stat about{};
    if (::stat(segment.path.c_str(), &about) == 0) report.journal_bytes += static_cast<uint64_t>(about.st_size);
  }
  index_.wake();
  return report;
}

Result<TextSource> AuditCases::audit_bundle(core::AuditQuery query, const std::optional<std::string>& remembered) {
  // What was recorded before the call is to be in it; a full disk can forbid that, and then the bundle ends earlier.
  (void)ledger_.seal();
  if (query.sandbox) query.sandbox = HV_TRY(sandbox_id(*query.sandbox));
  auto writer =
      std::make_shared<audit::BundleWriter>(HV_TRY(audit::BundleWriter::begin(ledger_.directory(), remembered)));
  enum class Next { header, entries, end, nothing };
  return [this, writer, query, next = Next::header]() mutable -> Result<std::optional<std::string>> {
    if (next == Next::nothing) return std::optional<std::string>();
    if (std::exchange(next, next == Next::header ? Next::entries : next) == Next::header) return writer->header();
    if (std::exchange(next, next == Next::end ? Next::nothing : next) == Next::end) return writer->end();
    std::string lines;
    Status proved;
    bool complete = true;
    HV_TRY(read(query, writer->size(), [&](const audit::Entry& entry) {
      Result<std::string> line = writer->line(entry);
      if (!line) proved = Failure(std::move(line).error());
      if (!proved) return false;
      lines += *line;
      query.after = entry.envelope.index;
      complete = lines.size() < kBundlePiece;
      return complete;
    }));
    HV_TRY(proved);
    if (complete) next = Next::end;
    if (lines.empty()) {
      next = Next::nothing;
      return writer->end();
    }
    return lines;
  };
}

core::Subscription AuditCases::watch_audit(std::function<void()> wake) {
  // No entry is kept: the watcher reads the journal. Nothing of ours is locked while the ledger's locks are taken. The
  // flag is there because audit_events() may hold the queue a little longer than its watcher.
  auto wanted = std::make_shared<std::atomic<bool>>(true);
  Queue queue = ledger_.subscribe({}, 0, [wanted, wake = std::move(wake)] {
    if (*wanted) wake();
  });
  watchers_->lock()->push_back(queue);
  return core::Subscription([watchers = watchers_, queue = std::move(queue), wanted = std::move(wanted)] {
    *wanted = false;
    watchers->lock()->remove(queue);
  });
}

}  // namespace hv::service
