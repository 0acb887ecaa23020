// What is asked of sandboxes that exist: commands inside, signals, pausing, stopping, removing.
#include <algorithm>
#include <csignal>

#include "base/text.h"
#include "isolation/cgroup.h"
#include "service/life_cycle.h"
#include "service/life_cycle_text.h"
#include "service/workspace_cases.h"

namespace hv::service {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;
using core::Outcome;
using core::SandboxInfo;
using core::SandboxState;

// How long a stop may take beyond its grace before the supervisor itself is killed, and all inside with it.
static constexpr std::chrono::seconds kStopMargin{5};

// Its record cannot be kept, and so nothing goes on inside.
static base::Error is_frozen(const LiveSandbox& sandbox) {
  return base::conflict("sandbox '" + sandbox.name() + "' is frozen: " + *sandbox.stored.info.frozen)
      .with_hint(sandbox.damaged ? "end it: hydravisor stop " + sandbox.name()
                                 : "it goes on by itself once its record can be kept");
}

static base::Error is_not_running(const LiveSandbox& sandbox) {
  if (sandbox.held) return is_frozen(sandbox);
  bool paused = sandbox.state() == SandboxState::paused;
  return base::conflict("sandbox '" + sandbox.name() + "' is " + std::string(core::state_name(sandbox.state())))
      .with_hint((paused ? "let it go on: hydravisor resume " : "start it: hydravisor start ") + sandbox.name());
}

void LifeCycle::exec(const std::string& name, core::ExecRequest request, std::unique_ptr<Handover> handover) {
  Result<Pointer> found = look_up(name);
  if (!found) return handover->refuse(found.error());
  LiveSandbox& sandbox = **found;
  if (sandbox.state() != SandboxState::running) return handover->refuse(is_not_running(sandbox));
  if (Status same = check_version(sandbox); !same) return handover->refuse(same.error());
  Planned<core::Command> command =
      with_.planner.plan_exec(request, sandbox.stored.request, sandbox.directory, sandbox.stored.info);
  if (!command && command.error().exit_code == 125) return handover->refuse(command.error().error);
  base::json::Object intent;
  add_command(intent, request.command, sandbox.stored.audit);
  std::string by = request.caller.principal.value_or("");
  if (Status recorded = record(sandbox, "exec.requested", std::move(intent), core::Risk::info, by); !recorded)
    return handover->refuse(recorded.error());
  Result<Handover::Socket> socket = handover->accept(sandbox.name());
  if (!socket) return;
  runtime::ClientSocket client{std::move(socket->fd), std::move(socket->buffered)};
  if (!command) return runtime::send_failure(client, command.error().error, command.error().exit_code);
  if (Status sent = sandbox.link->exec(++sandbox.last_job, *command, client); !sent)
    runtime::send_failure(client, sent.error());
}

Status LifeCycle::exec_inside(const std::string& name, const core::Command& command, runtime::ClientSocket client) {
  Pointer sandbox = HV_TRY(look_up(name));
  if (sandbox->state() != SandboxState::running || !sandbox->link)
    return Failure(base::conflict("sandbox '" + sandbox->name() + "' is not running")
                       .with_hint("start it: hydravisor start " + sandbox->name()));
  HV_TRY(check_version(*sandbox));
  base::json::Object intent;
  add_command(intent, command.arguments, sandbox->stored.audit);
  HV_TRY(record(*sandbox, "exec.requested", std::move(intent)));
  return sandbox->link->exec(++sandbox->last_job, command, client);
}

void LifeCycle::attach(const std::string& name, core::AttachRequest request, std::unique_ptr<Handover> handover) {
  Result<Pointer> found = look_up(name);
  if (!found) return handover->refuse(found.error());
  LiveSandbox& sandbox = **found;
  if (!sandbox.link)
    return handover->refuse(
        base::conflict("sandbox '" + sandbox.name() + "' is " + std::string(core::state_name(sandbox.state())))
            .with_hint("its output: hydravisor logs " + sandbox.name()));
  if (Status same = check_version(sandbox); !same) return handover->refuse(same.error());
  Result<Handover::Socket> socket = handover->accept(sandbox.name());
  if (!socket) return;
  runtime::ClientSocket client{std::move(socket->fd), std::move(socket->buffered)};
  core::WindowSize size = request.terminal.value_or(core::WindowSize{0, 0});
  if (Status sent = sandbox.link->attach(size.rows, size.columns, client); !sent)
    runtime::send_failure(client, sent.error());
}

void LifeCycle::stop(const std::string& name, core::StopRequest request, Reply<SandboxInfo> reply,
                     const std::string& by) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  Pointer sandbox = *found;
  SandboxState state = sandbox->state();
  if (state == SandboxState::stopped || state == SandboxState::created) return reply(sandbox->stored.info);
  if (sandbox->ending) return sandbox->on_stopped.push_back(std::move(reply));
  auto begin = [&]() -> Status {
    if (sandbox->held) {
      HV_TRY(record(*sandbox, "sandbox.stopping", {}, core::Risk::info, by));
      // Of what it still does there would be no record.
      if (sandbox->damaged) return end_damaged(*sandbox);
      HV_TRY(release(*sandbox));
      return sandbox->link->stop(static_cast<uint32_t>(std::min<uint64_t>(request.grace_ms, 3'600'000)));
    }
    if (state == SandboxState::paused && !sandbox->foreign_protocol) HV_TRY(freeze(sandbox, false, by));
    if (state != SandboxState::stopping) HV_TRY(core::check_transition(sandbox->name(), state, SandboxState::stopping));
    HV_TRY(record(*sandbox, "sandbox.stopping", {}, core::Risk::info, by));
    if (sandbox->foreign_protocol) return {};
    return sandbox->link->stop(static_cast<uint32_t>(std::min<uint64_t>(request.grace_ms, 3'600'000)));
  };
  if (Status begun = begin(); !begun) return reply(Failure(std::move(begun).error()));
  set_state(*sandbox, SandboxState::stopping);
  sandbox->on_stopped.push_back(std::move(reply));
  if (sandbox->foreign_protocol) return kill_supervisor(*sandbox);
  kill_supervisor_after(sandbox, std::chrono::milliseconds(request.grace_ms));
}

void LifeCycle::kill_supervisor_after(const Pointer& sandbox, std::chrono::milliseconds grace) {
  sandbox->deadline = with_.loop.after(grace + kStopMargin, [this, weak = std::weak_ptr(sandbox)] {
    if (Pointer still = weak.lock()) kill_supervisor(*still);
  });
}

void LifeCycle::extend(const std::string& name, core::ExtendRequest request, Reply<SandboxInfo> reply,
                       const std::string& by) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  LiveSandbox& sandbox = **found;
  const core::Limits& limits = sandbox.stored.info.limits.enforced;
  if (limits.wall_millis == 0 && limits.idle_millis == 0)
    return reply(Failure(base::conflict("sandbox '" + sandbox.name() + "' has no limit of time to extend")));
  if (!sandbox.link)
    return reply(
        Failure(base::conflict("sandbox '" + sandbox.name() + "' is " + std::string(core::state_name(sandbox.state())))
                    .with_hint("its time begins anew when it starts: hydravisor start " + sandbox.name())));
  auto grant = [&]() -> Status {
    HV_TRY(check_version(sandbox));
    HV_TRY(record(sandbox, "sandbox.extended", {{"by_ms", request.millis}}, core::Risk::info, by));
    return sandbox.link->extend(request.millis);
  };
  if (Status granted = grant(); !granted) return reply(Failure(std::move(granted).error()));
  {
    std::lock_guard lock(mutex_);
    sandbox.stored.info.limits.extended_millis += request.millis;
  }
  save(sandbox);
  reply(sandbox.stored.info);
}

void LifeCycle::kill(const std::string& name, core::KillRequest request, StatusReply reply) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  LiveSandbox& sandbox = **found;
  if (!sandbox.link)
    return reply(Failure(
        base::conflict("sandbox '" + sandbox.name() + "' is " + std::string(core::state_name(sandbox.state())))));
  if (Status same = check_version(sandbox); !same) return reply(std::move(same));
  if (request.signal < 1 || request.signal > 64)
    return reply(Failure(base::invalid_argument("no signal has the number " + std::to_string(request.signal))));
  reply(sandbox.link->signal(request.signal));
}

Status LifeCycle::freeze(const Pointer& sandbox, bool frozen, const std::string& by) {
  SandboxState to = frozen ? SandboxState::paused : SandboxState::running;
  if (sandbox->held) return Failure(is_frozen(*sandbox));
  HV_TRY(core::check_transition(sandbox->name(), sandbox->state(), to));
  HV_TRY(check_version(*sandbox));
  HV_TRY(record(*sandbox, frozen ? "sandbox.paused" : "sandbox.resumed", {}, core::Risk::info, by));
  isolation::Cgroup cgroup(sandbox->stored.info.cgroups);
  // First, and back when it did not freeze: while it knows itself paused it does not try to end what cannot die.
  if (frozen && sandbox->link) HV_TRY(sandbox->link->tell_paused(true));
  Status done = frozen ? cgroup.freeze() : cgroup.thaw();
  if (sandbox->link && (!done || !frozen)) HV_TRY(sandbox->link->tell_paused(false));
  HV_TRY(std::move(done));
  set_state(*sandbox, to);
  save(*sandbox);
  return {};
}

void LifeCycle::pause(const std::string& name, Reply<SandboxInfo> reply, const std::string& by) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  Status done = freeze(*found, true, by);
  done ? reply((*found)->stored.info) : reply(Failure(std::move(done).error()));
}

void LifeCycle::resume(const std::string& name, Reply<SandboxInfo> reply, const std::string& by) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  Status done = freeze(*found, false, by);
  done ? reply((*found)->stored.info) : reply(Failure(std::move(done).error()));
}

void LifeCycle::remove(const std::string& name, bool force, StatusReply reply, const std::string& by) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  Pointer sandbox = *found;
  if (sandbox->link && force) {
    std::string id = sandbox->id();
    auto then = [this, id, reply, by](Result<SandboxInfo> stopped) {
      if (!stopped) return reply(Failure(stopped.error()));
      // Once all is settled: a run that left nothing behind has removed itself by then.
      with_.loop.post([this, id, reply, by] {
        if (!look_up(id)) return reply({});
        remove(id, true, reply, by);
      });
    };
    return stop(id, {0}, std::move(then), by);
  }
  if (Status legal = core::check_transition(sandbox->name(), sandbox->state(), SandboxState::removed); !legal)
    return reply(std::move(legal));
  auto erase_and_reply = [this, sandbox, force, reply, by] {
    auto hold = with_.locks.try_hold(sandbox->id());
    if (!hold)
      return when_free(sandbox->id(), [this, id = sandbox->id(), force, reply, by] { remove(id, force, reply, by); });
    erase(sandbox, by.empty() ? principal_of(sandbox->stored.request.caller) : by, reply);
  };
  // With its files goes what the events about them are made from.
  auto erase_recorded = [this, sandbox, reply, erase_and_reply] {
    if (!WorkspaceCases::are_files_due(sandbox->directory)) return erase_and_reply();
    with_.later([this, sandbox, reply, erase_and_reply] {
      with_.record_files(sandbox->id());
      // Somebody may have started or removed it meanwhile.
      with_.loop.post([sandbox, reply, erase_and_reply] {
        Status legal = core::check_transition(sandbox->name(), sandbox->state(), SandboxState::removed);
        legal ? erase_and_reply() : reply(std::move(legal));
      });
    });
  };
  if (force) return when_gone(sandbox, erase_recorded);
  // Unapplied changes are somebody's work.
  with_.later([this, sandbox, reply, erase_recorded] {
    bool changes = with_.holds_changes(sandbox->id());
    with_.loop.post([this, sandbox, reply, changes, erase_recorded] {
      if (changes)
        return reply(Failure(base::conflict("sandbox '" + sandbox->name() + "' holds changes that are not applied")
                                 .with_hint("look: hydravisor diff " + sandbox->name() +
                                            "; throw away: hydravisor rm --force " + sandbox->name())));
      if (Status legal = core::check_transition(sandbox->name(), sandbox->state(), SandboxState::removed); !legal)
        return reply(std::move(legal));
      when_gone(sandbox, erase_recorded);
    });
  });
}

Result<SandboxInfo> LifeCycle::rename(std::string_view name, const core::RenameRequest& request,
                                      const std::string& by) {
  Pointer sandbox = HV_TRY(look_up(name));
  std::string wanted = HV_TRY(core::SandboxName::parse(request.name)).text();
  if (auto other = look_up(wanted); other && *other != sandbox)
    return Failure(base::already_exists("a sandbox named '" + wanted + "' exists"));
  base::json::Object payload;
  payload["to"] = wanted;
  HV_TRY(record(*sandbox, "sandbox.renamed", std::move(payload), core::Risk::info, by));
  {
    std::lock_guard lock(mutex_);
    sandbox->stored.info.name = wanted;
  }
  save(*sandbox);
  return sandbox->stored.info;
}

// Recorded before it holds. It counts for later starts of the sandbox too.
Result<SandboxInfo> LifeCycle::change_network(std::string_view name, const core::NetworkRequest& request) {
  Pointer sandbox = HV_TRY(look_up(name));
  SandboxInfo& info = sandbox->stored.info;
  if (!sandbox->link || info.state == SandboxState::stopping)
    return Failure(base::conflict("sandbox '" + info.name + "' is " + std::string(core::state_name(info.state)))
                       .with_hint("a start can say it: hydravisor run --allow HOST -- COMMAND"));
  HV_TRY(check_version(*sandbox));
  if (!sandbox->stored.isolated_by.empty())
    return Failure(base::conflict("sandbox '" + info.name + "' was isolated by the rule of behavior '" +
                                  sandbox->stored.isolated_by + "'")
                       .with_hint("its network comes back when it is started again: hydravisor stop " + info.name +
                                  ", hydravisor start " + info.name));
  if (!info.network.open)
    return Failure(base::conflict("sandbox '" + info.name + "' was started without a network")
                       .with_hint("start another one with --allow HOST"));
  core::RunRequest wanted = sandbox->stored.request;
  wanted.allow.insert(wanted.allow.end(), request.allow.begin(), request.allow.end());
  wanted.allow_private.insert(wanted.allow_private.end(), request.allow_private.begin(), request.allow_private.end());
  EgressPlan plan = HV_TRY(with_.planner.plan_network(wanted, request.caller));
  base::json::Object payload;
  if (!request.allow.empty()) payload["allow"] = to_array(request.allow);
  if (!request.allow_private.empty()) payload["allow_private"] = to_array(request.allow_private);
  HV_TRY(
      record(*sandbox, "network.changed", std::move(payload), core::Risk::info, request.caller.principal.value_or("")));
  HV_TRY(sandbox->link->set_egress(plan.policy));
  {
    std::lock_guard lock(mutex_);
    info.network = describe_network(plan.policy);
    sandbox->stored.request.allow = std::move(wanted.allow);
    sandbox->stored.request.allow_private = std::move(wanted.allow_private);
  }
  save(*sandbox);
  return info;
}

core::Subscription LifeCycle::wait(const std::string& name, Reply<Outcome> reply) {
  Result<Pointer> found = look_up(name);
  if (!found) {
    reply(Failure(found.error()));
    return {};
  }
  Pointer sandbox = *found;
  if (!sandbox->link && sandbox->stored.info.outcome) {
    reply(*sandbox->stored.info.outcome);
    return {};
  }
  if (sandbox->state() == SandboxState::created) {
    reply(Failure(base::conflict("sandbox '" + sandbox->name() + "' was never started")
                      .with_hint("start it: hydravisor start " + sandbox->name())));
    return {};
  }
  auto place = sandbox->on_ended.insert(sandbox->on_ended.end(), std::move(reply));
  std::weak_ptr<LiveSandbox> weak = sandbox;
  auto* waiting = &*place;
  return core::Subscription([weak, waiting] {
    if (Pointer still = weak.lock()) still->on_ended.remove_if([&](const auto& item) { return &item == waiting; });
  });
}

}  // namespace hv::service
