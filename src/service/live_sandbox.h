// One sandbox as the life cycle holds it: what is stored, and while it runs the link to its supervisor.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/subscription.h"
#include "core/event.h"
#include "core/id.h"
#include "core/launch.h"
#include "core/proof.h"
#include "runtime/supervisor_link.h"
#include "service/behavior_watch.h"
#include "service/service.h"
#include "shimwire/spool.h"
#include "store/sandbox_store.h"

namespace hv::service {

struct LiveSandbox {
  store::StoredSandbox stored;
  std::string directory;

  // While a supervisor lives.
  std::optional<runtime::SupervisorLink> link;
  // Of another version: it is not asked for anything but its end.
  std::optional<uint32_t> foreign_protocol;
  base::Subscription messages;
  // A supervisor that has told the end and is on its way out: until its socket closes it may still write to the
  // directory, and what ran inside may still be dying. What must wait for that is in `after_gone`.
  std::optional<runtime::SupervisorLink> leaving;
  pid_t leaving_pid = 0;
  std::vector<std::function<void()>> after_gone;
  base::Subscription deadline;
  std::optional<shimwire::SpoolReader> spool;
  // While many records come its spool is read by the daemon's own clock; its supervisor announces nothing meanwhile.
  bool by_clock = false;
  int quiet_looks = 0;                              // in a row that found nothing
  std::chrono::steady_clock::time_point announced;  // when it last did
  bool reading = false;                             // the rest of a full spool is read at the loop's next turn
  bool ending = false;                              // it has ended, and is settled once the rest of its spool is read
  std::unique_ptr<BehaviorWatch> behavior;          // null without rules
  // What inspect shows of them, under the life cycle's lock.
  std::vector<core::BehaviorRuleInfo> shown_rules;
  std::vector<core::ThrottleInfo> shown_throttles;
  base::Subscription hours;                                // a look at the clock, for the end of its policy's hours
  std::map<core::Response, base::Subscription> throttles;  // until what became scarce comes back
  core::NetworkUsage network;                              // counted from the spool
  // Why it must not go on: what its spool holds is no record, or cannot become part of the ledger, or the spool cannot
  // be written. While one holds, `stored.info.frozen` says so.
  std::optional<base::Error> damaged;
  std::optional<base::Error> unrecorded;
  std::string stalled;
  base::WallTime frozen_since{};
  bool told_frozen = false;  // the ledger has it
  bool held = false;         // its processes are frozen for that: the state is `paused`, but nobody paused it
  base::Subscription retry;
  // What has happened to it and the ledger could not take yet. Its files do not go before it has.
  std::vector<core::Event> unsaid;
  uint64_t last_job = 1;
  bool stop_asked = false;
  std::string started_by;      // a principal, for the next start; empty: who made it
  core::ProofSubject subject;  // of a twin that was started by this daemon
  // While the cgroups of the last run are still being removed: what waits for that. They have the names of the next
  // run's.
  std::weak_ptr<std::vector<std::function<void()>>> cleaning;

  // Who waits for what. Replies are given once, on the loop's thread.
  std::vector<Reply<core::SandboxInfo>> on_started;
  std::vector<Reply<core::SandboxInfo>> on_stopped;
  std::list<Reply<core::Outcome>> on_ended;

  const std::string& id() const { return stored.info.id; }
  const std::string& name() const { return stored.info.name; }
  core::SandboxState state() const { return stored.info.state; }
};

}  // namespace hv::service
