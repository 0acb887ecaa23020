#include "service/audit_cases.h"

#include <atomic>
#include <utility>

#include "audit/merkle.h"
#include "audit/verify.h"
#include "base/format.h"
#include "base/text.h"
#include "core/id.h"

namespace hv::service {

namespace {

using base::Failure;
using base::Result;

core::AuditRecord to_record(const audit::Entry& entry, const audit::Ledger::Standing& standing) {
  core::AuditRecord record;
  record.index = entry.envelope.index;
  if (Result<core::Event> event = audit::to_event(entry)) {
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

Result<std::string> AuditCases::sandbox_id(const std::string& sandbox, audit::Reader& reader) const {
  if (auto id = core::SandboxId::parse(sandbox)) return id->text();
  Result<SandboxView> found = sandboxes_.find(sandbox);
  if (found) return found->info.id;
  if (found.error().code() != base::ErrorCode::not_found) return Failure(std::move(found).error());
  audit::Query query;
  query.kind_prefix = "sandbox";
  query.newest_first = true;
  std::string id;
  HV_TRY(reader.scan(query, [&](const audit::Entry& entry) {
    Result<core::Event> event = audit::to_event(entry);
    if (!event) return true;
    const base::json::Value* name = event->payload.if_contains("name");
    if (name != nullptr && name->is_string() && std::string_view(name->get_string()) == sandbox) id = event->sandbox;
    return id.empty();
  }));
  if (id.empty()) return Failure(std::move(found).error());
  return id;
}

Result<core::AuditPage> AuditCases::audit_events(const core::AuditQuery& query) {
  if (query.limit < 1 || query.limit > 10'000)
    return Failure(base::invalid_argument(base::format("limit is {}; it must be from 1 to 10000", query.limit)));
  // Armed again before the reading begins: a record is either read now or wakes its watchers afterwards.
  std::list<Queue> queues = *watchers_->lock();
  for (const Queue& queue : queues) (void)queue->take();

  std::unique_ptr<audit::Reader> reader = take_reader();
  audit::Ledger::Standing standing = ledger_.standing();
  audit::Query asked;
  asked.from = query.after ? *query.after + 1 : 0;
  if (query.after == UINT64_MAX) asked.from = UINT64_MAX;
  asked.before = HV_TRY(reader->size());
  if (query.sandbox) asked.sandbox = HV_TRY(sandbox_id(*query.sandbox, *reader));
  if (query.kind) asked.kind_prefix = *query.kind;
  asked.since = query.since;
  asked.until = query.until;

  core::AuditPage page;
  size_t bytes = 0;
  HV_TRY(reader->scan(asked, [&](const audit::Entry& entry) {
    page.records.push_back(to_record(entry, standing));
    bytes += entry.payload.size();
    page.complete = page.records.size() < query.limit && bytes < kPageBytes;
    return page.complete;
  }));
  if (!page.complete) {
    page.seen = page.records.back().index;
  } else if (*asked.before > asked.from) {
    page.seen = *asked.before - 1;
  } else {
    page.seen = query.after;
  }
  give_back(std::move(reader));
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

Result<core::VerifyReport> AuditCases::audit_verify() {
  // A full disk can forbid sealing, which is no sign of tampering: the report then shows fewer sealed than entries.
  (void)ledger_.seal();
  return audit::summary(HV_TRY(audit::verify(ledger_.directory())));
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
