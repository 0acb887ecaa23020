// Sandboxes begin: made, planned, recorded, prepared, handed to a supervisor.
#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "isolation/cgroup.h"
#include "service/life_cycle.h"
#include "service/life_cycle_text.h"
#include "service/proof_subject.h"
#include "service/workspace_cases.h"

namespace hv::service {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;
using core::Outcome;
using core::SandboxInfo;
using core::SandboxState;

// What may be looked through for a plan while everybody else waits.
static constexpr images::InsideView::Bounds kLittle{
    .entries = 5000, .bytes = size_t{1} << 20, .time = std::chrono::milliseconds(2)};

static Error name_is_taken(const std::string& name) {
  return base::already_exists("a sandbox named '" + name + "' exists")
      .with_hint("choose another --name, or remove it: hydravisor rm " + name);
}

Result<LifeCycle::Pointer> LifeCycle::make(core::RunRequest request, bool remove_when_done) {
  if (request.tier != core::Tier::process)
    return Failure(
        base::unsupported("tier '" + std::string(core::name_of(request.tier)) + "' is not part of this version")
            .with_hint("use --tier process"));
  core::SandboxId id = HV_TRY(core::SandboxId::generate());
  auto sandbox = std::make_shared<LiveSandbox>();
  SandboxInfo& info = sandbox->stored.info;
  info.id = id.text();
  sandbox->directory = with_.store.path_of(id.text());
  std::vector<std::string> taken;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [other, item] : sandboxes_) taken.push_back(item->name());
  }
  auto is_taken = [&](const std::string& name) { return std::ranges::find(taken, name) != taken.end(); };
  if (request.name) {
    info.name = HV_TRY(core::SandboxName::parse(*request.name)).text();
    if (is_taken(info.name)) return Failure(name_is_taken(info.name));
  } else {
    std::string seed = id.text();
    do info.name = core::SandboxName::invent(seed += "+").text();
    while (is_taken(info.name));
  }
  info.created = base::system_clock().wall();
  info.command = request.command;
  info.labels = request.labels;
  info.workspace = {request.workspace.path, request.workspace.mode.value_or(core::WorkspaceMode::cow), {}};
  info.host_ports = request.host_ports;
  info.rootfs = request.rootfs.value_or("");
  info.made_by = principal_of(request.caller);
  // Of this start only.
  request.prove.reset();
  sandbox->stored.request = std::move(request);
  sandbox->stored.remove_when_done = remove_when_done;
  return sandbox;
}

Planned<LaunchPlan> LifeCycle::plan(const LiveSandbox& sandbox, images::PathSearch& search) {
  const SandboxInfo& info = sandbox.stored.info;
  if (Status legal = core::check_transition(info.name, info.state, SandboxState::starting); !legal)
    return std::unexpected(Refusal{std::move(legal).error()});
  Result<core::SandboxId> id = core::SandboxId::parse(info.id);
  if (!id) return std::unexpected(Refusal{id.error()});
  Planned<LaunchPlan> plan = with_.planner.plan(sandbox.stored.request, *id, info.name, sandbox.directory,
                                                {used_ranges(), spare_ ? spare_->range() : std::nullopt}, search);
  // Planned with the command, since the tools that it needs are part of what is inside.
  if (plan && sandbox.stored.twin) {
    plan->spec.command.arguments.clear();
    plan->spec.command.terminal = false;
    plan->spec.keep_alive = true;
  }
  return plan;
}

void LifeCycle::plan_then(const Pointer& sandbox, Then then, std::shared_ptr<images::PathSearch> search) {
  if (!search) search = std::make_shared<images::PathSearch>(kLittle);
  Planned<LaunchPlan> planned = plan(*sandbox, *search);
  if (planned || !search->waits()) return then(std::move(planned));
  // What waits for it is moved back to the loop, where it may end.
  bool taken = with_.search_later([this, sandbox, then, search]() mutable {
    search->answer();
    with_.loop.post([this, sandbox = std::move(sandbox), then = std::move(then), search = std::move(search)] {
      plan_then(sandbox, then, search);
    });
  });
  if (!taken)
    then(std::unexpected(
        Refusal{base::unavailable("too many sandboxes look through their workspaces, for what their policies hide")
                    .with_hint("start it again in a moment")}));
}

// The proof that this start goes by, where it was asked to be proven or its policy wants one.
Result<std::optional<uint64_t>> LifeCycle::check_proof(const LiveSandbox& sandbox, const LaunchPlan& plan,
                                                       const Proven& proof) const {
  if (sandbox.stored.twin) return std::nullopt;
  if (proof) {
    uint64_t index = HV_TRY(Result<uint64_t>(*proof));
    core::Proof proven = HV_TRY(with_.proofs.at(index));
    core::ProofSubject wanted = plan.subject;
    wanted.plan_digest = plan_digest(plan.spec);
    if (proven.subject != wanted)
      return Failure(base::conflict(base::format("not started: the plan is not the one that record {} of the ledger "
                                                 "proves; something that it depends on changed meanwhile",
                                                 index))
                         .with_hint("try again"));
    return index;
  }
  if (!plan.proof_demand) return std::nullopt;
  Result<uint64_t> found = with_.proofs.find(plan.subject, plan.proof_demand->oldest);
  if (found) return *found;
  bool exists = look_up(sandbox.id()).has_value();
  std::string make = exists ? "hydravisor probe --sign " + sandbox.name()
                            : "hydravisor run --policy " + plan.policy + " --prove -- true";
  return Failure(base::denied(base::format("policy '{}' starts nothing without a proof of containment: {}", plan.policy,
                                           found.error().message()))
                     .with_hint(exists ? "make one: " + make : "make one: " + make + "; or add --prove to this run"));
}

// What the plan decided, as `inspect` shows it and as later starts and commands go by.
Status LifeCycle::take_over(LiveSandbox& sandbox, const LaunchPlan& plan) {
  // Before anything is recorded of it.
  HV_TRY(with_.redactions.note(sandbox.id(), plan.spec.audit));
  std::lock_guard lock(mutex_);
  SandboxInfo& info = sandbox.stored.info;
  info.policy = plan.policy;
  info.agent = plan.agent;
  info.home = plan.home;
  info.limits = plan.limits;
  info.network = describe_network(plan.spec.egress);
  info.isolation.degraded = plan.degraded;
  info.isolation.nested.reset();
  if (plan.spec.ground.allow_nested) info.isolation.nested = true;
  info.workspace = {plan.spec.workspace, plan.mode, {}};
  sandbox.stored.audit = plan.spec.audit;
  // What configuration and environment said when it was made holds for later starts.
  sandbox.stored.request.workspace.mode = plan.mode;
  sandbox.stored.request.policy = plan.policy;
  return {};
}

// Record the intent, prepare, hand over. What fails before the hand-over leaves nothing running and no cgroup behind.
Status LifeCycle::launch(const Pointer& pointer, LaunchPlan plan, const runtime::ClientSocket* client,
                         std::optional<uint64_t> proof) {
  LiveSandbox& sandbox = *pointer;
  SandboxInfo& info = sandbox.stored.info;
  runtime::SupervisorLink link = HV_TRY(take_supervisor(plan));
  if (plan.cgroups.scoped) isolation::lie_in(plan.cgroups, link.cgroup(), info.id);
  plan.spec.cgroups = plan.cgroups.directories;

  HV_TRY(take_over(sandbox, plan));
  HV_TRY(with_.keep_payloads(sandbox.id(), plan.policy, plan.spec.audit.keep_payloads_millis));
  {
    std::lock_guard lock(mutex_);
    info.cgroups = plan.cgroups.directories;
    info.outcome.reset();
    info.stopped.reset();
    info.started.reset();
  }
  sandbox.stored.host_root = plan.host_root;
  sandbox.stored.request.caller.environment = plan.kept_environment;
  sandbox.stored.behavior =
      sandbox.stored.twin ? std::vector<store::StoredRule>() : BehaviorWatch::stored(plan.behavior);
  sandbox.stored.home_inside = plan.home_inside;
  sandbox.stored.behavior_since = with_.ledger.last_sequence(info.id);
  sandbox.stored.isolated_by.clear();
  HV_TRY(open_behavior(sandbox));
  sandbox.stored.ends_at.reset();
  if (plan.ends_at) sandbox.stored.ends_at = plan.ends_at->time_since_epoch().count();
  sandbox.stored.end_reason = plan.spec.end_reason;
  base::json::Object intent;
  add_command(intent, info.command, plan.spec.audit);
  intent["policy"] = info.policy;
  intent["workspace"] = base::printable(info.workspace.path);
  intent["mode"] = core::name_of(info.workspace.mode);
  intent["home"] = base::printable(plan.home_inside);
  if (plan.spec.ground.allow_nested) intent["nested"] = true;
  if (!sandbox.stored.request.read.empty()) intent["read"] = to_array(sandbox.stored.request.read);
  if (!sandbox.stored.request.write.empty()) intent["write"] = to_array(sandbox.stored.request.write);
  if (!plan.degraded.empty()) intent["degraded"] = to_array(plan.degraded);
  if (proof) intent["proof"] = *proof;
  if (base::json::Object audit = describe_audit(plan.spec.audit); !audit.empty()) intent["audit"] = std::move(audit);
  if (sandbox.stored.twin) {
    intent["twin"] = true;
    sandbox.subject = plan.subject;
    sandbox.subject.plan_digest = plan_digest(plan.spec);
  }
  if (!sandbox.unsaid.empty()) HV_TRY(read_out(sandbox));
  HV_TRY(
      record(sandbox, "sandbox.starting", std::move(intent), core::Risk::info, std::exchange(sandbox.started_by, {})));

  // Noted before it begins, so that a daemon that comes after this one knows what there may be.
  SandboxState before = sandbox.state();
  set_state(sandbox, SandboxState::starting);
  if (plan.host_root) sandbox.stored.id_base = plan.spec.ground.uid_map.at(0).outside;
  auto hand_over = [&]() -> Status {
    HV_TRY(with_.store.save(sandbox.stored));
    HV_TRY(prepare_directories(plan));
    bool keeps_changes = plan.mode == core::WorkspaceMode::cow || plan.mode == core::WorkspaceMode::live;
    if (keeps_changes && !sandbox.stored.twin) HV_TRY(WorkspaceCases::expect_files(sandbox.directory));
    HV_TRY(isolation::create_cgroups(plan.cgroups, plan.spec.limits));
    return link.launch(plan.spec, client, plan.user_namespace);
  };
  if (Status handed = hand_over(); !handed) {
    clean_up(sandbox);
    set_state(sandbox, before);
    save(sandbox);
    return handed;
  }
  sandbox.link = std::move(link);
  sandbox.last_job = 1;
  sandbox.stop_asked = false;
  sandbox.spool.reset();
  sandbox.damaged.reset();
  sandbox.told_frozen = false;
  listen_to(pointer);
  watch_hours(pointer);
  return {};
}

void LifeCycle::listen_to(const Pointer& sandbox) {
  std::weak_ptr<LiveSandbox> weak = sandbox;
  sandbox->messages = with_.loop.watch(sandbox->link->fd(), base::Reactor::Interest::readable, [this, weak] {
    if (Pointer still = weak.lock()) on_message(still);
  });
}

void LifeCycle::create(core::RunRequest request, bool start_now, Reply<SandboxInfo> reply, const Proven& proof) {
  Result<Pointer> made = make(std::move(request), false);
  if (!made) return reply(Failure(made.error()));
  // Planned now, so that what can be refused is refused now rather than at the first start.
  plan_then(*made, [this, sandbox = *made, start_now, proof, reply = std::move(reply)](Planned<LaunchPlan> planned) {
    keep_created(sandbox, std::move(planned), start_now, proof, reply);
  });
}

// Somebody may have taken it while this one was planned.
Status LifeCycle::check_name_is_free(const LiveSandbox& sandbox) const {
  for (const auto& [id, other] : sandboxes_)
    if (other->name() == sandbox.name()) return Failure(name_is_taken(sandbox.name()));
  return {};
}

void LifeCycle::keep_created(const Pointer& sandbox, Planned<LaunchPlan> planned, bool start_now, const Proven& proof,
                             Reply<SandboxInfo> reply) {
  if (!planned) {
    static_cast<void>(with_.store.remove(sandbox->id()));
    return reply(Failure(planned.error().error));
  }
  auto keep = [&]() -> Status {
    HV_TRY(check_name_is_free(*sandbox));
    HV_TRY(take_over(*sandbox, *planned));
    if (start_now) (void)HV_TRY(check_proof(*sandbox, *planned, proof));
    HV_TRY(record(*sandbox, "sandbox.created"));
    HV_TRY(with_.store.create(*core::SandboxId::parse(sandbox->id())));
    return with_.store.save(sandbox->stored);
  };
  if (Status kept = keep(); !kept) {
    with_.redactions.forget(sandbox->id());
    static_cast<void>(with_.store.remove(sandbox->id()));
    return reply(Failure(std::move(kept).error()));
  }
  {
    std::lock_guard lock(mutex_);
    sandboxes_[sandbox->id()] = sandbox;
  }
  if (!start_now) return reply(sandbox->stored.info);
  start_proven(sandbox->id(), proof, std::move(reply));
}

void LifeCycle::run(core::RunRequest request, std::unique_ptr<Handover> handover, const Proven& proof) {
  Result<Pointer> made = make(std::move(request), true);
  if (!made) return handover->refuse(made.error());
  std::shared_ptr<Handover> client = std::move(handover);
  plan_then(*made, [this, sandbox = *made, client, proof](Planned<LaunchPlan> planned) {
    begin_run(sandbox, std::move(planned), *client, proof);
  });
}

void LifeCycle::begin_run(const Pointer& sandbox, Planned<LaunchPlan> planned, Handover& handover,
                          const Proven& proof) {
  std::optional<uint64_t> proven;
  auto refuse = [&](Error error) { planned = std::unexpected(Refusal{std::move(error)}); };
  if (planned) {
    Result<std::optional<uint64_t>> checked = check_proof(*sandbox, *planned, proof);
    if (checked) {
      proven = *checked;
    } else {
      refuse(std::move(checked).error());
    }
  }
  if (planned)
    if (Status is_free = check_name_is_free(*sandbox); !is_free) refuse(std::move(is_free).error());
  if (!planned) static_cast<void>(with_.store.remove(sandbox->id()));
  if (!planned && planned.error().exit_code == 125) return handover.refuse(planned.error().error);
  Result<Handover::Socket> socket = handover.accept(sandbox->name());
  if (!socket) {
    // The front end went away while this was planned.
    static_cast<void>(with_.store.remove(sandbox->id()));
    return;
  }
  runtime::ClientSocket client{std::move(socket->fd), std::move(socket->buffered)};
  if (!planned) return runtime::send_failure(client, planned.error().error, planned.error().exit_code);
  sandbox->stored.remove_when_done = !planned->keep;
  auto begin = [&]() -> Status {
    HV_TRY(with_.store.create(*core::SandboxId::parse(sandbox->id())));
    // Nobody else knows it yet, so this never fails.
    auto hold = with_.locks.try_hold(sandbox->id());
    {
      std::lock_guard lock(mutex_);
      sandboxes_[sandbox->id()] = sandbox;
    }
    return launch(sandbox, *std::move(planned), &client, proven);
  };
  Status begun = begin();
  if (begun) return;
  runtime::send_failure(client, begun.error());
  with_.redactions.forget(sandbox->id());
  std::lock_guard lock(mutex_);
  sandboxes_.erase(sandbox->id());
  static_cast<void>(with_.store.remove(sandbox->id()));
}

void LifeCycle::start_twin(const std::string& name, std::optional<core::Layer> layer, Reply<Twin> reply) {
  Result<Pointer> sandbox = look_up(name);
  if (!sandbox) return reply(Failure(sandbox.error()));
  core::RunRequest request = (*sandbox)->stored.request;
  if (layer) request.skipped_layers.push_back(*layer);
  start_twin(std::move(request), std::move(reply));
}

void LifeCycle::start_twin(core::RunRequest request, Reply<Twin> reply) {
  request.name.reset();
  request.labels.clear();
  request.terminal.reset();
  Result<Pointer> made = make(std::move(request), true);
  if (!made) return reply(Failure(made.error()));
  Pointer twin = *made;
  twin->stored.twin = true;
  if (Status kept = with_.store.create(*core::SandboxId::parse(twin->id())); !kept)
    return reply(Failure(std::move(kept).error()));
  {
    std::lock_guard lock(mutex_);
    sandboxes_[twin->id()] = twin;
  }
  auto answer = [this, twin, reply = std::move(reply)](Result<SandboxInfo> started) {
    if (started) {
      Twin made{.id = twin->id(),
                .name = twin->name(),
                .subject = twin->subject,
                .nested = started->isolation.nested.value_or(false),
                .own_root = !started->rootfs.empty(),
                .layers = {},
                .degraded = started->isolation.degraded};
      for (const core::LayerInfo& layer : started->isolation.layers)
        made.layers.push_back(layer.detail.empty() ? layer.name : layer.name + ": " + layer.detail);
      return reply(std::move(made));
    }
    with_.loop.post([this, id = twin->id()] { remove(id, true, [](const Status&) {}); });
    reply(Failure(started.error()));
  };
  start(twin->id(), std::move(answer));
}

void LifeCycle::start(const std::string& name, Reply<SandboxInfo> reply, const std::string& by) {
  start_proven(name, {}, std::move(reply), by);
}

void LifeCycle::start_proven(const std::string& name, const Proven& proof, Reply<SandboxInfo> reply,
                             const std::string& by) {
  Result<Pointer> sandbox = look_up(name);
  if (!sandbox) return reply(Failure(sandbox.error()));
  auto again = [this, id = (*sandbox)->id(), proof, reply, by] { start_proven(id, proof, reply, by); };
  if ((*sandbox)->leaving) return (*sandbox)->after_gone.push_back(again);
  if (auto cleaning = (*sandbox)->cleaning.lock()) return cleaning->push_back(again);
  // Until it counts as starting, a diff or an apply would take its workspace for that of a stopped sandbox.
  auto held = with_.locks.try_hold((*sandbox)->id());
  if (!held) return when_free((*sandbox)->id(), again);
  auto hold = std::make_shared<decltype(held)>(std::move(held));
  plan_then(*sandbox, [this, sandbox = *sandbox, proof, reply, by, hold](Planned<LaunchPlan> planned) {
    if (!planned) return reply(Failure(planned.error().error));
    Result<std::optional<uint64_t>> proven = check_proof(*sandbox, *planned, proof);
    if (!proven) return reply(Failure(std::move(proven).error()));
    sandbox->on_started.push_back(reply);
    sandbox->started_by = by;
    if (Status launched = launch(sandbox, *std::move(planned), nullptr, *proven); !launched)
      reply_started(*sandbox, Failure(std::move(launched).error()));
  });
}

void LifeCycle::reply_started(LiveSandbox& sandbox, const Result<SandboxInfo>& result) {
  for (auto& reply : std::exchange(sandbox.on_started, {})) reply(result);
}

void LifeCycle::reply_stopped(LiveSandbox& sandbox) {
  for (auto& reply : std::exchange(sandbox.on_stopped, {})) reply(sandbox.stored.info);
}

}  // namespace hv::service
