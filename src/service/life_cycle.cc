// What all parts of the life cycle share: looking up, recording, keeping on disk. Starting, running and ending have
// files of their own.
#include "service/life_cycle.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/text.h"
#include "service/event_translation.h"
#include "service/life_cycle_text.h"

namespace hv::service {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;
using core::Outcome;
using core::SandboxInfo;
using core::SandboxState;

namespace {

constexpr std::chrono::milliseconds kTurn{5};
// As many events of a spool are put into the ledger by one write.
constexpr size_t kEventsTogether = 64;
constexpr size_t kBytesTogether = size_t{256} << 10;

}  // namespace

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
  return SandboxView{found->stored.info, found->directory, found->network, found->stored.host_root,
                     found->stored.request.ceiling.value_or("")};
}

std::vector<SandboxView> LifeCycle::running() const {
  std::vector<SandboxView> result;
  std::lock_guard lock(mutex_);
  for (const auto& [id, sandbox] : sandboxes_)
    if (sandbox->stored.info.pid)
      result.push_back({sandbox->stored.info, sandbox->directory, sandbox->network, sandbox->stored.host_root,
                        sandbox->stored.request.ceiling.value_or("")});
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

Status LifeCycle::record(const LiveSandbox& sandbox, std::string kind, base::json::Object payload, core::Risk risk,
                         const std::string& by) {
  core::Event event;
  event.kind = std::move(kind);
  event.risk = risk;
  event.sandbox = sandbox.id();
  event.principal = by.empty() ? principal_of(sandbox.stored.request.caller) : by;
  payload["name"] = sandbox.name();
  event.payload = std::move(payload);
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

// What a supervisor told since the last look, or a part of it. The ledger ignores what it has already.
bool LifeCycle::ingest(LiveSandbox& sandbox) {
  if (!sandbox.spool) {
    Result<shimwire::SpoolReader> reader = shimwire::SpoolReader::open(sandbox.directory + "/spool");
    if (!reader) return false;
    sandbox.spool = *std::move(reader);
    std::lock_guard lock(mutex_);
    sandbox.network = {};
  }
  if (!record_firings(sandbox)) return false;
  uint64_t known = with_.ledger.last_sequence(sandbox.id());
  shimwire::SpoolRecord spooled;
  std::vector<core::Event> events;
  // Read again next time: from the start, since the reader has gone past what is not recorded.
  auto give_up = [&] {
    sandbox.spool.reset();
    return false;
  };
  auto until = std::chrono::steady_clock::now() + kTurn;
  bool more = true;
  while (more && std::chrono::steady_clock::now() < until) {
    events.clear();
    for (size_t bytes = 0; more && events.size() < kEventsTogether && bytes < kBytesTogether;) {
      more = sandbox.spool->next(spooled).value_or(false);
      if (!more) break;
      {
        std::lock_guard lock(mutex_);
        count_network(sandbox.network, spooled);
      }
      bool is_known = spooled.sequence <= known;
      if (is_known && !(sandbox.behavior && sandbox.behavior->wants(spooled.sequence))) continue;
      Result<core::Event> event = to_event(spooled, sandbox.id());
      if (!event) {
        // What stands before it is recorded all the same.
        (void)with_.ledger.record_spooled(events);
        return give_up();
      }
      bytes += spooled.payload.size();
      if (is_known) {
        sandbox.behavior->take(spooled.sequence, *event, std::nullopt);
        continue;
      }
      events.push_back(*std::move(event));
    }
    Result<uint64_t> first = with_.ledger.record_spooled(events);
    if (!first) return give_up();
    for (size_t i = 0; sandbox.behavior && i < events.size(); ++i)
      sandbox.behavior->take(events[i].origin->sequence, events[i], *first + i);
    if (!record_firings(sandbox)) return false;
  }
  return more;
}

void LifeCycle::keep_reading(const Pointer& sandbox) {
  if (sandbox->reading || !ingest(*sandbox)) return;
  sandbox->reading = true;
  with_.loop.post([this, weak = std::weak_ptr(sandbox)] {
    Pointer still = weak.lock();
    if (!still) return;
    still->reading = false;
    if (still->link) keep_reading(still);
  });
}

void LifeCycle::when_read(const Pointer& sandbox, std::function<void()> then) {
  if (!ingest(*sandbox)) return then();
  // Its link is what everybody else reaches a sandbox by that has not ended. Before anybody is served it may have none.
  if (!sandbox->link) {
    while (ingest(*sandbox)) {
    }
    return then();
  }
  // What its supervisor still says comes after what it has recorded.
  sandbox->messages.reset();
  sandbox->ending = true;
  with_.loop.post([this, weak = std::weak_ptr(sandbox), then = std::move(then)]() mutable {
    Pointer still = weak.lock();
    if (!still || !still->link) return;
    listen_to(still);
    still->ending = false;
    when_read(still, std::move(then));
  });
}

}  // namespace hv::service
