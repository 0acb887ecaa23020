// From the spools into the ledger, and what becomes of a sandbox whose record cannot be kept: it is frozen until it
// can, and says why. What its spool holds stays there meanwhile; nothing of it is lost.
#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "isolation/cgroup.h"
#include "service/event_translation.h"
#include "service/life_cycle.h"
#include "service/life_cycle_text.h"

namespace hv::service {

using base::Failure;
using base::Result;
using base::Status;
using core::SandboxInfo;
using core::SandboxState;

namespace {

constexpr std::chrono::milliseconds kTurn{5};
// As many events of a spool are put into the ledger by one write.
constexpr size_t kEventsTogether = 64;
constexpr size_t kBytesTogether = size_t{256} << 10;
// And so many records are looked at for them, most of which the ledger may have already.
constexpr size_t kMostLooked = 4096;
// How long after the ledger refused an event it is asked again.
constexpr std::chrono::milliseconds kRetry{200};

// The ledger refuses what is no event, whatever the disk does.
bool is_of_the_event(const base::Error& error) {
  return error.os_error() == 0 &&
         (error.code() == base::ErrorCode::invalid_argument || error.code() == base::ErrorCode::conflict);
}

}  // namespace

bool LifeCycle::open_spool(LiveSandbox& sandbox) {
  if (sandbox.spool) return true;
  Result<shimwire::SpoolReader> reader = shimwire::SpoolReader::open(sandbox.directory + "/spool");
  if (!reader) {
    if (reader.error().code() != base::ErrorCode::not_found) sandbox.unrecorded = reader.error();
    return false;
  }
  sandbox.spool = *std::move(reader);
  sandbox.damaged.reset();
  std::lock_guard lock(mutex_);
  sandbox.network = {};
  return true;
}

LifeCycle::Gathered LifeCycle::gather(LiveSandbox& sandbox, std::vector<core::Event>& events, bool to_the_end) {
  Gathered gathered;
  std::optional<uint64_t> known;
  shimwire::SpoolRecord spooled;
  size_t count = 0;
  size_t bytes = 0;
  for (size_t looked = 0; count < kEventsTogether && bytes < kBytesTogether && looked < kMostLooked; ++looked) {
    Result<bool> next = sandbox.spool->next(spooled);
    gathered.more = next.value_or(false);
    if (!next) {
      bool broken = next.error().code() == base::ErrorCode::invalid_argument;
      (broken ? gathered.damage : sandbox.unrecorded) = next.error();
    }
    if (!gathered.more) break;
    gathered.more = to_the_end || sandbox.spool->holds_more();
    {
      std::lock_guard lock(mutex_);
      count_network(sandbox.network, spooled);
    }
    if (!known) known = with_.ledger.last_sequence(sandbox.id());
    bool is_known = spooled.sequence <= *known;
    if (is_known && !(sandbox.behavior && sandbox.behavior->wants(spooled.sequence))) continue;
    Result<core::Event> event = to_event(spooled, sandbox.id());
    if (!event) {
      // What stands before it is recorded all the same.
      gathered.damage = event.error();
      gathered.more = false;
      break;
    }
    bytes += spooled.payload.size();
    if (is_known) {
      sandbox.behavior->take(spooled.sequence, *event, std::nullopt);
      continue;
    }
    events.push_back(*std::move(event));
    ++count;
    if (!gathered.more) break;
  }
  return gathered;
}

bool LifeCycle::gathered(LiveSandbox& sandbox, Gathered what, std::span<const core::Event> events,
                         const Result<uint64_t>& first) {
  if (!first) {
    (is_of_the_event(first.error()) ? sandbox.damaged : sandbox.unrecorded) = first.error();
    // Read again next time: from the start, since the reader has gone past it.
    if (!sandbox.damaged) sandbox.spool.reset();
    return false;
  }
  // The reader has gone past it, and nothing behind it may be read.
  if (what.damage) sandbox.damaged = std::move(what.damage);
  for (size_t i = 0; sandbox.behavior && i < events.size(); ++i)
    sandbox.behavior->take(events[i].origin->sequence, events[i], *first + i);
  if (Status fired = record_firings(sandbox); !fired) {
    sandbox.unrecorded = fired.error();
    return false;
  }
  return what.more;
}

// What a supervisor told since the last look, or a part of it. The ledger ignores what it has already.
bool LifeCycle::ingest(LiveSandbox& sandbox) {
  sandbox.unrecorded.reset();
  if (!open_spool(sandbox)) return false;
  if (Status fired = record_firings(sandbox); !fired) {
    sandbox.unrecorded = fired.error();
    return false;
  }
  std::vector<core::Event> events;
  auto until = std::chrono::steady_clock::now() + kTurn;
  bool more = !sandbox.damaged;
  while (more && std::chrono::steady_clock::now() < until) {
    events.clear();
    Gathered some = gather(sandbox, events, true);
    more = gathered(sandbox, std::move(some), events, with_.ledger.record_spooled(events));
  }
  return more;
}

Status LifeCycle::read_out(LiveSandbox& sandbox) {
  sandbox.spool.reset();
  while (ingest(sandbox)) {
  }
  bool damaged = sandbox.damaged.has_value();
  if (sandbox.unrecorded)
    return Failure(base::Error(*sandbox.unrecorded).with_context("record what sandbox '" + sandbox.name() + "' did"));
  for (; !sandbox.unsaid.empty(); sandbox.unsaid.erase(sandbox.unsaid.begin()))
    if (auto index = with_.ledger.record(sandbox.unsaid.front()); !index)
      return Failure(std::move(index).error().with_context("record in the ledger"));
  // What is behind damage is lost with the file: at least that stands in the ledger.
  if (damaged && !sandbox.told_frozen) {
    HV_TRY(record(sandbox, "sandbox.frozen", {{"reason", sandbox.damaged->message()}, {"damaged", true}},
                  core::Risk::high));
    sandbox.told_frozen = true;
  }
  return {};
}

void LifeCycle::record_afterwards(const Pointer& sandbox, std::string kind, base::json::Object payload,
                                  core::Risk risk) {
  core::Event event = event_of(*sandbox, std::move(kind), std::move(payload), risk);
  event.wall = base::system_clock().wall();
  event.monotonic = base::system_clock().monotonic();
  // What its spool still holds happened before.
  if (sandbox->unsaid.empty() && !sandbox->unrecorded && with_.ledger.record(event)) return;
  sandbox->unsaid.push_back(std::move(event));
  say_unsaid(sandbox);
}

void LifeCycle::say_unsaid(const Pointer& sandbox) {
  if (!read_out(*sandbox)) {
    sandbox->retry = with_.loop.after(kRetry, [this, weak = std::weak_ptr(sandbox)] {
      if (Pointer still = weak.lock(); still && !still->link && still->state() != SandboxState::removed)
        say_unsaid(still);
    });
    return;
  }
  // It could not be removed before.
  if (sandbox->state() == SandboxState::stopped && !sandbox->leaving) forget_if_unwanted(sandbox);
}

void LifeCycle::judge_record(const Pointer& sandbox) {
  // Where nothing runs any more there is nothing to hold.
  if (!sandbox->link || sandbox->state() == SandboxState::stopping) return;
  std::string reason = sandbox->damaged      ? sandbox->damaged->message()
                       : sandbox->unrecorded ? sandbox->unrecorded->message()
                                             : sandbox->stalled;
  if (!reason.empty()) {
    begin_frozen(*sandbox, reason);
  } else if (sandbox->stored.info.frozen || sandbox->held) {
    if (Status ended = end_frozen(*sandbox); !ended) sandbox->unrecorded = ended.error();
  }
  if (!sandbox->unrecorded) return;
  sandbox->retry = with_.loop.after(kRetry, [this, weak = std::weak_ptr(sandbox)] {
    if (Pointer still = weak.lock(); still && still->link) keep_reading(still);
  });
}

void LifeCycle::begin_frozen(LiveSandbox& sandbox, const std::string& reason) {
  bool first = !sandbox.stored.info.frozen;
  if (first) {
    sandbox.frozen_since = base::system_clock().wall();
    sandbox.told_frozen = false;
  }
  {
    std::lock_guard lock(mutex_);
    sandbox.stored.info.frozen = reason;
  }
  // A supervisor that cannot write answers no call, which the freezer would wait for; without it nothing goes on
  // either.
  bool freezes = sandbox.damaged || (sandbox.unrecorded && sandbox.stalled.empty());
  if (freezes && !sandbox.held && sandbox.state() == SandboxState::running && !sandbox.foreign_protocol) {
    static_cast<void>(sandbox.link->tell_paused(true));
    if (isolation::Cgroup(sandbox.stored.info.cgroups).freeze()) {
      sandbox.held = true;
      set_state(sandbox, SandboxState::paused);
    } else {
      static_cast<void>(sandbox.link->tell_paused(false));
      // No freezer here. What waits in a sound spool is not lost; what nobody can read any more must not go on.
      if (sandbox.damaged) static_cast<void>(end_damaged(sandbox));
    }
  }
  if (!sandbox.told_frozen) {
    base::json::Object payload{{"reason", base::printable(reason)}};
    if (sandbox.damaged) payload["damaged"] = true;
    core::Event event = event_of(sandbox, "sandbox.frozen", std::move(payload),
                                 sandbox.damaged ? core::Risk::high : core::Risk::medium);
    event.wall = sandbox.frozen_since;
    sandbox.told_frozen = write(event).has_value();
  }
  if (first) save(sandbox);
}

// Recorded first: what follows it happens afterwards.
Status LifeCycle::end_frozen(LiveSandbox& sandbox) {
  base::WallTime now = base::system_clock().wall();
  if (!sandbox.told_frozen) {
    base::json::Object payload{{"reason", base::printable(sandbox.stored.info.frozen.value_or(""))}};
    core::Event event = event_of(sandbox, "sandbox.frozen", std::move(payload), core::Risk::medium);
    event.wall = sandbox.frozen_since;
    HV_TRY(write(event));
  }
  sandbox.told_frozen = true;
  auto after = std::chrono::duration_cast<std::chrono::milliseconds>(now - sandbox.frozen_since);
  // Begun by a daemon before this one.
  if (sandbox.frozen_since == base::WallTime{}) after = {};
  HV_TRY(record(sandbox, "sandbox.thawed", {{"after_ms", static_cast<uint64_t>(std::max<int64_t>(0, after.count()))}}));
  HV_TRY(release(sandbox));
  sandbox.told_frozen = false;
  return {};
}

// What is frozen dies only when it is thawed: the kill is pending by then, so that nothing more happens.
Status LifeCycle::end_damaged(LiveSandbox& sandbox) {
  sandbox.held = false;
  Status killed = isolation::Cgroup(sandbox.stored.info.cgroups).kill_all();
  kill_supervisor(sandbox);
  return killed;
}

Status LifeCycle::release(LiveSandbox& sandbox) {
  if (sandbox.held) {
    HV_TRY(isolation::Cgroup(sandbox.stored.info.cgroups).thaw());
    static_cast<void>(sandbox.link->tell_paused(false));
    sandbox.held = false;
    set_state(sandbox, SandboxState::running);
  }
  {
    std::lock_guard lock(mutex_);
    sandbox.stored.info.frozen.reset();
  }
  save(sandbox);
  return {};
}

void LifeCycle::keep_reading(const Pointer& sandbox) {
  if (sandbox->reading) return;
  bool more = ingest(*sandbox);
  judge_record(sandbox);
  if (!more) return;
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
