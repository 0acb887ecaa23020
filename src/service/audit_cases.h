// Questions to the ledger: pages of events, one event, verification, and being told of new ones.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "audit/ledger.h"
#include "audit/reader.h"
#include "base/guarded.h"
#include "base/result.h"
#include "core/audit_query.h"
#include "core/subscription.h"
#include "index/index.h"
#include "service/sandbox_lookup.h"
#include "service/service.h"

namespace hv::service {

// Thread-safe. Ledger, index and lookup outlive it; the subscriptions it gave may outlive it.
class AuditCases {
 public:
  // `principal`: for whom this daemon works.
  AuditCases(audit::Ledger& ledger, index::Index& index, const SandboxLookup& sandboxes, std::string principal)
      : ledger_(ledger),
        index_(index),
        sandboxes_(sandboxes),
        principal_(std::move(principal)),
        watchers_(std::make_shared<Watchers>()) {}

  // One page; an export asks for page after page with `after` = the last one's `seen`, or `before` when the newest come
  // first. A page ends at the query's limit
  // or after kPageBytes of payloads. `sandbox` may also be the name of a sandbox that is gone: it then is the last one
  // that the ledger knows by it. invalid_argument for a limit out of 1-10000, not_found for an unknown sandbox.
  base::Result<core::AuditPage> audit_events(const core::AuditQuery& query);
  base::Result<core::AuditRecord> audit_event(uint64_t index);
  // Entries recorded so far: indexes go from 0 to one less.
  base::Result<uint64_t> audit_size() { return ledger_.size(); }
  // Seals first, so that the report covers all that was recorded before the call. `since_last`: only what was recorded
  // since the last time that all was well; all of it when there was none.
  base::Result<core::VerifyReport> audit_verify(bool since_last);
  // The first entry that was recorded then or later: what lies below is older.
  base::Result<uint64_t> first_since(base::WallTime time);
  // The first entry of the sandbox, by its id, in [from, before) whose payload can be deleted and is there.
  base::Result<std::optional<uint64_t>> first_payload_of(const std::string& sandbox, uint64_t from, uint64_t before);
  base::Result<core::PruneReport> audit_prune(const core::PruneRequest& request, const std::string& by = {});
  base::Result<TextSource> audit_bundle(core::AuditQuery query, const std::optional<std::string>& remembered);
  // `wake` is called on a recording thread under the ledger's lock, once for any number of records until the next
  // audit_events(): the watcher posts to its own loop and then asks for the page after the last it saw.
  core::Subscription watch_audit(std::function<void()> wake);

  static constexpr size_t kPageBytes = size_t{16} << 20;

 private:
  using Queue = std::shared_ptr<audit::Subscription>;
  using Watchers = base::Guarded<std::list<Queue>>;
  base::Result<std::string> sandbox_id(const std::string& sandbox) const;
  base::Status read(const core::AuditQuery& query, uint64_t size, const index::Index::Visit& visit);
  std::unique_ptr<audit::Reader> take_reader();
  void give_back(std::unique_ptr<audit::Reader> reader);

  audit::Ledger& ledger_;
  index::Index& index_;
  const SandboxLookup& sandboxes_;
  const std::string principal_;
  std::shared_ptr<Watchers> watchers_;
  base::Guarded<std::unique_ptr<audit::Reader>> idle_reader_;
};

}  // namespace hv::service
