// What is done when a rule of behavior fires: recorded first, then done, on a turn of the loop of its own.
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "isolation/cgroup.h"
#include "service/life_cycle.h"
#include "service/life_cycle_text.h"

namespace hv::service {

using base::Result;
using base::Status;
using core::Response;
using core::SandboxInfo;
using core::SandboxState;

// What an agent was seen doing, whatever sandbox it was in. Without a file it is known while this daemon lives.
std::shared_ptr<behavior::History> LifeCycle::history_of(const std::string& agent) {
  std::shared_ptr<behavior::History>& history = histories_[agent];
  if (history) return history;
  history = std::make_shared<behavior::History>();
  if (with_.histories.empty() || !base::make_directories(with_.histories)) return history;
  if (Result<behavior::History> kept = behavior::History::open(with_.histories + "/" + agent + ".seen"))
    *history = *std::move(kept);
  return history;
}

// Before a run begins, and when a daemon finds one running.
Status LifeCycle::open_behavior(LiveSandbox& sandbox) {
  sandbox.behavior.reset();
  sandbox.throttles.clear();
  if (!sandbox.stored.behavior.empty())
    sandbox.behavior =
        HV_TRY(BehaviorWatch::open(sandbox.stored, history_of(sandbox.stored.info.agent.value_or("none"))));
  show_behavior(sandbox);
  return {};
}

// After everything that changes it; without a run it says what is known of the last.
void LifeCycle::show_behavior(LiveSandbox& sandbox) {
  std::vector<core::BehaviorRuleInfo> rules =
      sandbox.behavior ? sandbox.behavior->rules(base::system_clock()) : describe(sandbox.stored.behavior);
  std::vector<core::ThrottleInfo> throttles;
  if (sandbox.behavior) throttles = sandbox.behavior->scarce(base::system_clock());
  std::lock_guard lock(mutex_);
  sandbox.shown_rules = std::move(rules);
  sandbox.shown_throttles = std::move(throttles);
}

void LifeCycle::describe_behavior(SandboxInfo& info) const {
  Result<Pointer> found = look_up(info.id);
  if (!found) return;
  std::lock_guard lock(mutex_);
  if ((*found)->shown_rules.empty()) return;
  info.behavior = (*found)->shown_rules;
  bool runs = info.state == SandboxState::running || info.state == SandboxState::paused;
  if (runs) set_status(*info.behavior, base::system_clock().wall());
  if (!(*found)->shown_throttles.empty()) info.throttled = (*found)->shown_throttles;
}

// False when the ledger takes nothing now: the rest is recorded with the next look at the spool.
Status LifeCycle::record_firings(LiveSandbox& sandbox) {
  if (!sandbox.behavior) return {};
  std::vector<behavior::Firing>& fired = sandbox.behavior->fired();
  if (!fired.empty()) show_behavior(sandbox);
  while (!fired.empty()) {
    core::Event event;
    event.kind = "behavior.fired";
    event.sandbox = sandbox.id();
    event.principal = "system";
    event.risk = risk_of(fired.front());
    event.payload = describe(fired.front());
    event.payload["name"] = sandbox.name();
    HV_TRY(write(event));
    behavior::Firing firing = std::move(fired.front());
    fired.erase(fired.begin());
    if (firing.rule.dry_run || firing.response == Response::alert) continue;
    with_.loop.post([this, id = sandbox.id(), firing = std::move(firing)] {
      Result<Pointer> still = look_up(id);
      if (still) respond(*still, firing);
    });
  }
  return {};
}

void LifeCycle::respond(const Pointer& sandbox, const behavior::Firing& firing) {
  SandboxState state = sandbox->state();
  if (!sandbox->link || sandbox->ending || sandbox->foreign_protocol || state == SandboxState::stopping) return;
  auto act = [&]() -> Status {
    switch (firing.response) {
      case Response::alert:
        return {};
      case Response::throttle_cpu:
      case Response::throttle_network:
        return throttle(sandbox, firing);
      case Response::freeze:
        return state == SandboxState::paused ? Status() : freeze(sandbox, true);
      case Response::isolate:
        return isolate(*sandbox, firing.rule.name);
      case Response::kill:
        return kill_by_rule(sandbox, firing.rule);
    }
    return {};
  };
  Status done = act();
  if (done) return;
  // Told aloud, since nobody waits for an answer.
  static_cast<void>(record(*sandbox, "behavior.failed",
                           {{"rule", firing.rule.name},
                            {"response", core::name_of(firing.response)},
                            {"error", base::printable(done.error().text())}},
                           core::Risk::high));
}

Status LifeCycle::throttle(const Pointer& sandbox, const behavior::Firing& firing) {
  if (!sandbox->behavior) return {};
  sandbox->behavior->throttle(firing);
  Status set = set_throttle(*sandbox, firing.response);
  if (!set) {
    sandbox->behavior->lift(firing.response);
    return set;
  }
  lift_throttle_later(sandbox, firing.response);
  show_behavior(*sandbox);
  return {};
}

// What the present throttle leaves; without one, what the limits allow.
Status LifeCycle::set_throttle(LiveSandbox& sandbox, Response response) {
  const BehaviorWatch::Throttles& throttles = sandbox.behavior->throttles();
  auto found = throttles.find(response);
  uint64_t left = found == throttles.end() ? 0 : found->second.left;
  if (response == Response::throttle_network) {
    HV_TRY(check_version(sandbox));
    return sandbox.link->throttle(left);
  }
  uint32_t allowed = sandbox.stored.info.limits.enforced.cpu_millis;
  uint32_t millis = left == 0 ? allowed : static_cast<uint32_t>(left);
  if (allowed != 0) millis = std::min(allowed, millis);
  return isolation::Cgroup(sandbox.stored.info.cgroups).limit_cpu(millis);
}

// It comes back when the rule could fire again.
void LifeCycle::lift_throttle_later(const Pointer& sandbox, Response response) {
  base::MonotonicTime end = sandbox->behavior->throttles().at(response).end;
  auto left = std::max(end - base::system_clock().monotonic(), base::MonotonicTime(0));
  sandbox->throttles[response] = with_.loop.after(left, [this, response, weak = std::weak_ptr(sandbox)] {
    Pointer still = weak.lock();
    if (!still || !still->link || !still->behavior) return;
    still->behavior->lift(response);
    show_behavior(*still);
    Status lifted = record(*still, "behavior.lifted", {{"response", core::name_of(response)}});
    if (lifted) lifted = set_throttle(*still, response);
    if (!lifted)
      static_cast<void>(
          record(*still, "behavior.failed",
                 {{"response", core::name_of(response)}, {"error", base::printable(lifted.error().text())}},
                 core::Risk::medium));
  });
}

// A daemon that died may have left it throttled, or have died between the record of it and its doing: what its record
// says is taken up, or put an end to.
void LifeCycle::take_up_throttles(const Pointer& sandbox) {
  if (!sandbox->behavior) return;
  BehaviorWatch::Throttles throttles = sandbox->behavior->throttles();
  for (const auto& [response, throttle] : throttles) {
    if (throttle.end > base::system_clock().monotonic()) static_cast<void>(set_throttle(*sandbox, response));
    lift_throttle_later(sandbox, response);
  }
  show_behavior(*sandbox);
}

Status LifeCycle::isolate(LiveSandbox& sandbox, const std::string& rule) {
  if (!sandbox.stored.isolated_by.empty()) return {};
  HV_TRY(check_version(sandbox));
  HV_TRY(record(sandbox, "network.changed", {{"isolated_by", rule}}));
  HV_TRY(sandbox.link->isolate());
  {
    std::lock_guard lock(mutex_);
    sandbox.stored.isolated_by = rule;
    // Open, but nothing leads out: `net` shows the attempts that are refused.
    sandbox.stored.info.network.fallback = core::Verdict::deny;
    sandbox.stored.info.network.rules.clear();
  }
  save(sandbox);
  return {};
}

// What is frozen dies when it is thawed, and is told to die before.
Status LifeCycle::kill_by_rule(const Pointer& sandbox, const core::BehaviorRule& rule) {
  bool paused = sandbox->state() == SandboxState::paused;
  HV_TRY(record(*sandbox, "sandbox.stopping", {{"rule", rule.name}}));
  Status told = sandbox->link->stop(
      0, base::format("the rule of behavior '{}' ({}) ended it", rule.name, base::printable(rule.origin)));
  if (paused) {
    static_cast<void>(sandbox->link->tell_paused(false));
    static_cast<void>(isolation::Cgroup(sandbox->stored.info.cgroups).thaw());
  }
  set_state(*sandbox, SandboxState::stopping);
  if (!told) kill_supervisor(*sandbox);
  kill_supervisor_after(sandbox, std::chrono::milliseconds(0));
  return {};
}

}  // namespace hv::service
