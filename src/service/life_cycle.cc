// What all parts of the life cycle share: looking up, recording, keeping on disk. Starting, running and ending have
// files of their own.
#include "service/life_cycle.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "service/life_cycle_text.h"

namespace hv::service {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;
using core::Outcome;
using core::SandboxInfo;
using core::SandboxState;

LifeCycle::LifeCycle(Collaborators collaborators) : with_(std::move(collaborators)) {
  if (with_.first)
    prepare_spare(*std::exchange(with_.first, std::nullopt));
  else
    refill_spare();
}

LifeCycle::~LifeCycle() = default;

Result<LifeCycle::Pointer> LifeCycle::look_up(std::string_view sandbox) const {
  std::lock_guard lock(mutex_);
  if (auto found = sandboxes_.find(sandbox); found != sandboxes_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [id, item] : sandboxes_) {
    if (item->name() == sandbox) return item;
    names.push_back(item->name());
  }
  Error error = base::not_found("no sandbox '" + base::printable(sandbox) + "'");
  auto near = base::nearest(sandbox, names);
  return Failure(std::move(error).with_hint(near ? "did you mean '" + *near + "'?" : "hydravisor ls shows all"));
}

Result<SandboxView> LifeCycle::find(std::string_view sandbox) const {
  Pointer found = HV_TRY(look_up(sandbox));
  std::lock_guard lock(mutex_);
  return SandboxView{found->stored.info,      found->directory,          found->network,
                     found->stored.host_root, found->stored.audit.files, found->stored.request.ceiling.value_or("")};
}

std::vector<SandboxView> LifeCycle::running() const {
  std::vector<SandboxView> result;
  std::lock_guard lock(mutex_);
  for (const auto& [id, sandbox] : sandboxes_)
    if (sandbox->stored.info.pid)
      result.push_back({sandbox->stored.info, sandbox->directory, sandbox->network, sandbox->stored.host_root,
                        sandbox->stored.audit.files, sandbox->stored.request.ceiling.value_or("")});
  return result;
}

std::vector<SandboxInfo> LifeCycle::list(const core::SandboxFilter& filter) const {
  std::vector<SandboxInfo> result;
  std::lock_guard lock(mutex_);
  for (const auto& [id, sandbox] : sandboxes_) {
    const SandboxInfo& info = sandbox->stored.info;
    bool labels = std::ranges::all_of(filter.labels, [&](const auto& wanted) {
      auto found = info.labels.find(wanted.first);
      return found != info.labels.end() && found->second == wanted.second;
    });
    if (labels && (!filter.state || *filter.state == info.state)) result.push_back(info);
  }
  std::ranges::sort(result, {}, &SandboxInfo::created);
  return result;
}

core::Event LifeCycle::event_of(const LiveSandbox& sandbox, std::string kind, base::json::Object payload,
                                core::Risk risk) const {
  core::Event event;
  event.kind = std::move(kind);
  event.risk = risk;
  event.sandbox = sandbox.id();
  event.principal = principal_of(sandbox.stored.request.caller);
  payload["name"] = sandbox.name();
  event.payload = std::move(payload);
  return event;
}

Status LifeCycle::record(const LiveSandbox& sandbox, std::string kind, base::json::Object payload, core::Risk risk,
                         const std::string& by) {
  core::Event event = event_of(sandbox, std::move(kind), std::move(payload), risk);
  if (!by.empty()) event.principal = by;
  return write(event);
}

Status LifeCycle::write(const core::Event& event) {
  if (auto index = with_.ledger.record(event); !index)
    return Failure(std::move(index).error().with_context("record in the ledger"));
  return {};
}

void LifeCycle::set_state(LiveSandbox& sandbox, SandboxState state) {
  std::lock_guard lock(mutex_);
  sandbox.stored.info.state = state;
}

void LifeCycle::save(const LiveSandbox& sandbox) {
  // The lock and the outcome file say what is true; a file that could not be renewed is put right by the next change.
  static_cast<void>(with_.store.save(sandbox.stored));
}

}  // namespace hv::service
