#include "service/life_cycle.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "isolation/cgroup.h"
#include "service/event_translation.h"

namespace hv::service {

namespace {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;
using core::Outcome;
using core::SandboxInfo;
using core::SandboxState;

// A spare supervisor is started once the machine has had a moment for the run that took the last one.
constexpr std::chrono::milliseconds kRefillAfter{20};
// How long a stop may take beyond its grace before the supervisor itself is killed, and all inside with it.
constexpr std::chrono::seconds kStopMargin{5};

std::string principal_of(const core::Caller& caller) {
  return "user:" + std::to_string(caller.uid);
}

base::json::Array to_array(const std::vector<std::string>& texts) {
  base::json::Array array;
  for (const std::string& text : texts) array.emplace_back(base::printable(text));
  return array;
}

base::json::Object describe(const Outcome& outcome) {
  base::json::Object object;
  object["outcome"] = core::outcome_name(outcome.kind);
  object["code"] = outcome.code;
  if (!outcome.detail.empty()) object["detail"] = outcome.detail;
  return object;
}

void reap(pid_t child) {
  if (child <= 0) return;
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

LifeCycle::LifeCycle(Collaborators collaborators) : with_(std::move(collaborators)) {
  refill_spare();
}

LifeCycle::~LifeCycle() = default;

// Looking things up.

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
  return SandboxView{found->stored.info, found->directory, found->stored.host_root};
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

// The record.

Status LifeCycle::record(const LiveSandbox& sandbox, std::string kind, base::json::Object payload) {
  core::Event event;
  event.kind = std::move(kind);
  event.sandbox = sandbox.id();
  event.principal = principal_of(sandbox.stored.request.caller);
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

// What a supervisor told since the last look. The ledger ignores what it has already.
void LifeCycle::ingest(LiveSandbox& sandbox) {
  if (!sandbox.spool) {
    Result<shimwire::SpoolReader> reader = shimwire::SpoolReader::open(sandbox.directory + "/spool");
    if (!reader) return;
    sandbox.spool = *std::move(reader);
  }
  uint64_t known = with_.ledger.last_sequence(sandbox.id());
  shimwire::SpoolRecord spooled;
  for (;;) {
    Result<bool> more = sandbox.spool->next(spooled);
    if (!more || !*more) return;
    if (spooled.sequence <= known) continue;
    Result<core::Event> event = to_event(spooled, sandbox.id());
    if (!event || !with_.ledger.record(*event)) {
      // Read again next time: from the start, since the reader has gone past it.
      sandbox.spool.reset();
      return;
    }
  }
}

// Starting.

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
    if (is_taken(info.name))
      return Failure(base::already_exists("a sandbox named '" + info.name + "' exists")
                         .with_hint("choose another --name, or remove it: hydravisor rm " + info.name));
  } else {
    std::string seed = id.text();
    do info.name = core::SandboxName::invent(seed += "+").text();
    while (is_taken(info.name));
  }
  info.created = base::system_clock().wall();
  info.command = request.command;
  info.labels = request.labels;
  info.workspace = {request.workspace.path, request.workspace.mode, {}};
  info.host_ports = request.host_ports;
  info.rootfs = request.rootfs.value_or("");
  sandbox->stored.request = std::move(request);
  sandbox->stored.remove_when_done = remove_when_done;
  return sandbox;
}

Result<runtime::SupervisorLink> LifeCycle::take_supervisor() {
  if (!spare_) return runtime::SupervisorLink::spawn(with_.supervisor_program);
  runtime::SupervisorLink link = *std::move(spare_);
  spare_.reset();
  spare_timer_ = with_.loop.after(kRefillAfter, [this] { refill_spare(); });
  return link;
}

void LifeCycle::refill_spare() {
  if (spare_) return;
  // Without one the next run starts its own, which also reports why it cannot.
  if (auto link = runtime::SupervisorLink::spawn(with_.supervisor_program)) spare_ = *std::move(link);
}

Planned<LaunchPlan> LifeCycle::plan(const LiveSandbox& sandbox) {
  const SandboxInfo& info = sandbox.stored.info;
  if (Status legal = core::check_transition(info.name, info.state, SandboxState::starting); !legal)
    return std::unexpected(Refusal{std::move(legal).error()});
  std::vector<core::IdRange> used;
  for (const auto& [id, other] : sandboxes_)
    if (other->stored.id_base) used.push_back({0, *other->stored.id_base, 65536});
  Result<core::SandboxId> id = core::SandboxId::parse(info.id);
  if (!id) return std::unexpected(Refusal{id.error()});
  return with_.planner.plan(sandbox.stored.request, *id, info.name, sandbox.directory, used);
}

// Record the intent, prepare, hand over. What fails before the hand-over leaves nothing running and no cgroup behind.
Status LifeCycle::launch(const Pointer& pointer, LaunchPlan plan, const runtime::ClientSocket* client) {
  LiveSandbox& sandbox = *pointer;
  SandboxInfo& info = sandbox.stored.info;
  runtime::SupervisorLink link = HV_TRY(take_supervisor());

  {
    std::lock_guard lock(mutex_);
    info.policy = plan.policy;
    info.agent = plan.agent;
    info.home = plan.home;
    info.limits = plan.limits;
    info.isolation.degraded = plan.degraded;
    info.cgroups = plan.cgroups.directories;
    info.outcome.reset();
    info.stopped.reset();
    info.started.reset();
  }
  sandbox.stored.host_root = plan.host_root;
  sandbox.stored.request.caller.environment = plan.kept_environment;
  base::json::Object intent;
  intent["command"] = to_array(info.command);
  intent["policy"] = info.policy;
  intent["workspace"] = base::printable(info.workspace.path);
  intent["mode"] = core::name_of(info.workspace.mode);
  if (!plan.degraded.empty()) intent["degraded"] = to_array(plan.degraded);
  HV_TRY(record(sandbox, "sandbox.starting", std::move(intent)));

  HV_TRY(prepare_directories(plan));
  HV_TRY(isolation::create_cgroups(plan.cgroups, plan.spec.limits));
  set_state(sandbox, SandboxState::starting);
  if (Status sent = link.launch(plan.spec, client, nullptr); !sent) {
    clean_up(sandbox);
    set_state(sandbox, SandboxState::stopped);
    return sent;
  }
  if (plan.host_root) sandbox.stored.id_base = plan.spec.uid_map.at(0).outside;
  sandbox.link = std::move(link);
  sandbox.last_job = 1;
  sandbox.stop_asked = false;
  sandbox.spool.reset();
  save(sandbox);
  listen_to(pointer);
  return {};
}

void LifeCycle::listen_to(const Pointer& sandbox) {
  std::weak_ptr<LiveSandbox> weak = sandbox;
  sandbox->messages = with_.loop.watch(sandbox->link->fd(), base::Reactor::Interest::readable, [this, weak] {
    if (Pointer still = weak.lock()) on_message(still);
  });
}

void LifeCycle::create(core::RunRequest request, bool start_now, Reply<SandboxInfo> reply) {
  Result<Pointer> made = make(std::move(request), false);
  if (!made) return reply(Failure(made.error()));
  Pointer sandbox = *made;
  // Planned now, so that what can be refused is refused now rather than at the first start.
  if (Planned<LaunchPlan> planned = plan(*sandbox); !planned) {
    static_cast<void>(with_.store.remove(sandbox->id()));
    return reply(Failure(planned.error().error));
  }
  auto keep = [&]() -> Status {
    HV_TRY(record(*sandbox, "sandbox.created"));
    HV_TRY(with_.store.create(*core::SandboxId::parse(sandbox->id())));
    return with_.store.save(sandbox->stored);
  };
  if (Status kept = keep(); !kept) return reply(Failure(std::move(kept).error()));
  {
    std::lock_guard lock(mutex_);
    sandboxes_[sandbox->id()] = sandbox;
  }
  if (!start_now) return reply(sandbox->stored.info);
  start(sandbox->id(), std::move(reply));
}

void LifeCycle::run(core::RunRequest request, std::unique_ptr<Handover> handover) {
  bool keep = request.keep;
  Result<Pointer> made = make(std::move(request), !keep);
  if (!made) return handover->refuse(made.error());
  Pointer sandbox = *made;
  Planned<LaunchPlan> planned = plan(*sandbox);
  if (!planned) static_cast<void>(with_.store.remove(sandbox->id()));
  if (!planned && planned.error().exit_code == 125) return handover->refuse(planned.error().error);
  Result<Handover::Socket> socket = handover->accept(sandbox->name());
  if (!socket) return;
  runtime::ClientSocket client{std::move(socket->fd), std::move(socket->buffered)};
  if (!planned) return runtime::send_failure(client, planned.error().error, planned.error().exit_code);
  auto begin = [&]() -> Status {
    HV_TRY(with_.store.create(*core::SandboxId::parse(sandbox->id())));
    {
      std::lock_guard lock(mutex_);
      sandboxes_[sandbox->id()] = sandbox;
    }
    return launch(sandbox, *std::move(planned), &client);
  };
  Status begun = begin();
  if (begun) return;
  runtime::send_failure(client, begun.error());
  std::lock_guard lock(mutex_);
  sandboxes_.erase(sandbox->id());
  static_cast<void>(with_.store.remove(sandbox->id()));
}

void LifeCycle::start(const std::string& name, Reply<SandboxInfo> reply) {
  Result<Pointer> sandbox = look_up(name);
  if (!sandbox) return reply(Failure(sandbox.error()));
  Planned<LaunchPlan> planned = plan(**sandbox);
  if (!planned) return reply(Failure(planned.error().error));
  (*sandbox)->on_started.push_back(std::move(reply));
  if (Status launched = launch(*sandbox, *std::move(planned), nullptr); !launched)
    reply_started(**sandbox, Failure(std::move(launched).error()));
}

void LifeCycle::reply_started(LiveSandbox& sandbox, const Result<SandboxInfo>& result) {
  for (auto& reply : std::exchange(sandbox.on_started, {})) reply(result);
}

void LifeCycle::reply_stopped(LiveSandbox& sandbox) {
  for (auto& reply : std::exchange(sandbox.on_stopped, {})) reply(sandbox.stored.info);
}

// Taking up what is there. Whoever holds a sandbox's lock is its supervisor: a free lock means that nothing runs.
Status LifeCycle::reconcile() {
  std::vector<std::string> problems;
  std::vector<store::StoredSandbox> found = HV_TRY(with_.store.load_all(problems));
  for (store::StoredSandbox& stored : found) {
    auto sandbox = std::make_shared<LiveSandbox>();
    sandbox->directory = with_.store.path_of(stored.info.id);
    sandbox->stored = std::move(stored);
    {
      std::lock_guard lock(mutex_);
      sandboxes_[sandbox->id()] = sandbox;
    }
    SandboxState state = sandbox->state();
    if (state == SandboxState::created || state == SandboxState::stopped) continue;
    Result<runtime::SupervisorLink> link = runtime::SupervisorLink::adopt(sandbox->directory);
    if (!link) {
      on_lost(sandbox);
      continue;
    }
    sandbox->link = *std::move(link);
    sandbox->last_job = static_cast<uint64_t>(base::system_clock().monotonic().count());
    ingest(*sandbox);
    listen_to(sandbox);
  }
  return {};
}

// What supervisors say.

void LifeCycle::on_message(const Pointer& sandbox) {
  while (sandbox->link) {
    Result<shimwire::Packet> packet = sandbox->link->receive();
    if (!packet) {
      if (packet.error().code() != base::ErrorCode::unavailable) on_lost(sandbox);
      return;
    }
    switch (static_cast<shimwire::FromSupervisor>(packet->type)) {
      case shimwire::FromSupervisor::launched:
      case shimwire::FromSupervisor::status:
        if (auto launched = shimwire::decode<shimwire::Launched>(packet->body)) on_launched(*sandbox, *launched);
        break;
      case shimwire::FromSupervisor::launch_failed: {
        auto problem = shimwire::decode<shimwire::Problem>(packet->body);
        Error error = problem ? shimwire::to_error(*problem) : base::internal_error("the launch failed");
        reply_started(*sandbox, Failure(error));
        std::lock_guard lock(mutex_);
        sandbox->stored.info.outcome = Outcome{Outcome::Kind::launch_failed, 125, error.text()};
        break;
      }
      case shimwire::FromSupervisor::spooled:
      case shimwire::FromSupervisor::job_ended:
        ingest(*sandbox);
        break;
      case shimwire::FromSupervisor::ended:
        if (auto ended = shimwire::decode<shimwire::Ended>(packet->body)) on_ended(sandbox, *ended);
        return;
    }
  }
}

void LifeCycle::on_launched(LiveSandbox& sandbox, const shimwire::Launched& launched) {
  {
    std::lock_guard lock(mutex_);
    SandboxInfo& info = sandbox.stored.info;
    info.pid = launched.init_pid;
    info.supervisor_pid = launched.supervisor_pid;
    if (info.state == SandboxState::starting) info.state = SandboxState::running;
    if (!info.started) info.started = base::system_clock().wall();
    info.isolation.layers.clear();
    for (const std::string& line : launched.enforced) {
      size_t colon = line.find(": ");
      info.isolation.layers.push_back({line.substr(0, colon), core::LayerStatus::enforced,
                                       colon == std::string::npos ? "" : line.substr(colon + 2)});
    }
    for (const std::string& line : launched.degraded)
      if (std::ranges::find(info.isolation.degraded, line) == info.isolation.degraded.end())
        info.isolation.degraded.push_back(line);
  }
  base::json::Object payload;
  payload["pid"] = launched.init_pid;
  payload["layers"] = to_array(launched.enforced);
  if (!launched.degraded.empty()) payload["degraded"] = to_array(launched.degraded);
  // The start was recorded as an intent; that it also succeeded is told by every later event too.
  static_cast<void>(record(sandbox, "sandbox.started", std::move(payload)));
  save(sandbox);
  reply_started(sandbox, sandbox.stored.info);
}

void LifeCycle::on_ended(const Pointer& sandbox, const shimwire::Ended& ended) {
  ingest(*sandbox);
  Outcome outcome = ended.outcome;
  bool by_memory = outcome.kind == Outcome::Kind::signalled && outcome.code == SIGKILL &&
                   isolation::Cgroup(sandbox->stored.info.cgroups).usage().oom_kills > 0;
  if (by_memory) outcome = {Outcome::Kind::out_of_memory, SIGKILL, "it used more memory than its limit"};
  settle(sandbox, std::move(outcome), ended.workspace_changed);
}

// The supervisor went without a word: killed. All inside died with it.
void LifeCycle::on_lost(const Pointer& sandbox) {
  Result<std::string> left = base::read_file(sandbox->directory + "/outcome");
  Result<shimwire::Ended> ended = left ? shimwire::decode<shimwire::Ended>(*left) : Failure(left.error());
  if (ended) return on_ended(sandbox, *ended);
  ingest(*sandbox);
  bool failed_to_launch = sandbox->stored.info.outcome.has_value();
  settle(sandbox,
         failed_to_launch ? *sandbox->stored.info.outcome
                          : Outcome{Outcome::Kind::supervisor_lost, 0, "its supervisor was killed"},
         true);
}

// Nothing runs inside any more: the outcome becomes part of the record, and what the kernel holds for the sandbox is
// given back.
void LifeCycle::settle(const Pointer& pointer, Outcome outcome, bool workspace_changed) {
  LiveSandbox& sandbox = *pointer;
  sandbox.messages.reset();
  sandbox.deadline.reset();
  pid_t child = sandbox.link ? sandbox.link->child() : 0;
  sandbox.link.reset();
  reap(child);
  clean_up(sandbox);
  {
    std::lock_guard lock(mutex_);
    SandboxInfo& info = sandbox.stored.info;
    info.state = SandboxState::stopped;
    info.stopped = base::system_clock().wall();
    info.outcome = outcome;
    info.pid.reset();
    info.supervisor_pid.reset();
  }
  sandbox.spool.reset();
  static_cast<void>(record(sandbox, "sandbox.stopped", describe(outcome)));
  reply_started(sandbox,
                Failure(base::conflict("sandbox '" + sandbox.name() + "' ended while starting: " + outcome.detail)));
  reply_stopped(sandbox);
  for (auto& reply : std::exchange(sandbox.on_ended, {})) reply(outcome);
  if (sandbox.stored.remove_when_done && !workspace_changed) {
    static_cast<void>(erase(pointer, "system"));
    return;
  }
  save(sandbox);
  if (sandbox.stored.remove_when_done) forget_if_empty(pointer);
}

void LifeCycle::clean_up(LiveSandbox& sandbox) {
  sandbox.stored.id_base.reset();
  isolation::Cgroup cgroup(sandbox.stored.info.cgroups);
  if (cgroup.remove(std::chrono::milliseconds(0))) return;
  // Tasks that are still ending hold the directory for a moment.
  auto directories = sandbox.stored.info.cgroups;
  with_.later([directories] { static_cast<void>(isolation::Cgroup(directories).remove(std::chrono::seconds(5))); });
}

// Files in the upper layer need not be changes: a look by the worker decides, off the loop.
void LifeCycle::forget_if_empty(const Pointer& sandbox) {
  std::weak_ptr<LiveSandbox> weak = sandbox;
  with_.later([this, weak, id = sandbox->id()] {
    if (with_.holds_changes(id)) return;
    with_.loop.post([this, weak] {
      Pointer still = weak.lock();
      if (still && still->state() == SandboxState::stopped) static_cast<void>(erase(still, "system"));
    });
  });
}

Status LifeCycle::erase(const Pointer& sandbox, const std::string& principal) {
  core::Event event;
  event.kind = "sandbox.removed";
  event.sandbox = sandbox->id();
  event.principal = principal;
  event.payload["name"] = sandbox->name();
  if (auto index = with_.ledger.record(event); !index) return Failure(std::move(index).error());
  {
    std::lock_guard lock(mutex_);
    sandbox->stored.info.state = SandboxState::removed;
    sandboxes_.erase(sandbox->id());
  }
  return with_.store.remove(sandbox->id());
}

// Running commands.

void LifeCycle::exec(const std::string& name, core::ExecRequest request, std::unique_ptr<Handover> handover) {
  Result<Pointer> found = look_up(name);
  if (!found) return handover->refuse(found.error());
  LiveSandbox& sandbox = **found;
  if (sandbox.state() != SandboxState::running)
    return handover->refuse(
        base::conflict("sandbox '" + sandbox.name() + "' is " + std::string(core::state_name(sandbox.state())))
            .with_hint("start it: hydravisor start " + sandbox.name()));
  Result<core::Command> command =
      with_.planner.plan_exec(request, sandbox.stored.request, sandbox.directory, sandbox.stored.info.home);
  if (!command) return handover->refuse(command.error());
  base::json::Object intent;
  intent["command"] = to_array(request.command);
  if (Status recorded = record(sandbox, "exec.requested", std::move(intent)); !recorded)
    return handover->refuse(recorded.error());
  Result<Handover::Socket> socket = handover->accept(sandbox.name());
  if (!socket) return;
  runtime::ClientSocket client{std::move(socket->fd), std::move(socket->buffered)};
  if (Status sent = sandbox.link->exec(++sandbox.last_job, *command, client); !sent)
    runtime::send_failure(client, sent.error());
}

Status LifeCycle::exec_inside(const std::string& name, const core::Command& command, runtime::ClientSocket client) {
  Pointer sandbox = HV_TRY(look_up(name));
  if (sandbox->state() != SandboxState::running || !sandbox->link)
    return Failure(base::conflict("sandbox '" + sandbox->name() + "' is not running")
                       .with_hint("start it: hydravisor start " + sandbox->name()));
  base::json::Object intent;
  intent["command"] = to_array(command.arguments);
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
  Result<Handover::Socket> socket = handover->accept(sandbox.name());
  if (!socket) return;
  runtime::ClientSocket client{std::move(socket->fd), std::move(socket->buffered)};
  core::WindowSize size = request.terminal.value_or(core::WindowSize{0, 0});
  if (Status sent = sandbox.link->attach(size.rows, size.columns, client); !sent)
    runtime::send_failure(client, sent.error());
}

// Ending.

void LifeCycle::stop(const std::string& name, core::StopRequest request, Reply<SandboxInfo> reply) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  Pointer sandbox = *found;
  SandboxState state = sandbox->state();
  if (state == SandboxState::stopped || state == SandboxState::created) return reply(sandbox->stored.info);
  auto begin = [&]() -> Status {
    if (state == SandboxState::paused) HV_TRY(freeze(sandbox, false));
    if (state != SandboxState::stopping) HV_TRY(core::check_transition(sandbox->name(), state, SandboxState::stopping));
    HV_TRY(record(*sandbox, "sandbox.stopping"));
    return sandbox->link->stop(static_cast<uint32_t>(std::min<uint64_t>(request.grace_ms, 3'600'000)));
  };
  if (Status begun = begin(); !begun) return reply(Failure(std::move(begun).error()));
  set_state(*sandbox, SandboxState::stopping);
  sandbox->on_stopped.push_back(std::move(reply));
  std::weak_ptr<LiveSandbox> weak = sandbox;
  sandbox->deadline = with_.loop.after(std::chrono::milliseconds(request.grace_ms) + kStopMargin, [weak] {
    Pointer still = weak.lock();
    // Its death ends everything inside at once; on_lost() does the rest.
    if (still && still->stored.info.supervisor_pid)
      ::kill(static_cast<pid_t>(*still->stored.info.supervisor_pid), SIGKILL);
  });
}

void LifeCycle::kill(const std::string& name, core::KillRequest request, StatusReply reply) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  LiveSandbox& sandbox = **found;
  if (!sandbox.link)
    return reply(Failure(
        base::conflict("sandbox '" + sandbox.name() + "' is " + std::string(core::state_name(sandbox.state())))));
  if (request.signal < 1 || request.signal > 64)
    return reply(Failure(base::invalid_argument("no signal has the number " + std::to_string(request.signal))));
  reply(sandbox.link->signal(request.signal));
}

Status LifeCycle::freeze(const Pointer& sandbox, bool frozen) {
  SandboxState to = frozen ? SandboxState::paused : SandboxState::running;
  HV_TRY(core::check_transition(sandbox->name(), sandbox->state(), to));
  HV_TRY(record(*sandbox, frozen ? "sandbox.paused" : "sandbox.resumed"));
  isolation::Cgroup cgroup(sandbox->stored.info.cgroups);
  HV_TRY(frozen ? cgroup.freeze() : cgroup.thaw());
  set_state(*sandbox, to);
  save(*sandbox);
  return {};
}

void LifeCycle::pause(const std::string& name, Reply<SandboxInfo> reply) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  Status done = freeze(*found, true);
  done ? reply((*found)->stored.info) : reply(Failure(std::move(done).error()));
}

void LifeCycle::resume(const std::string& name, Reply<SandboxInfo> reply) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  Status done = freeze(*found, false);
  done ? reply((*found)->stored.info) : reply(Failure(std::move(done).error()));
}

void LifeCycle::remove(const std::string& name, bool force, StatusReply reply) {
  Result<Pointer> found = look_up(name);
  if (!found) return reply(Failure(found.error()));
  Pointer sandbox = *found;
  if (sandbox->link && force) {
    std::string id = sandbox->id();
    return stop(id, {0}, [this, id, reply](Result<SandboxInfo> stopped) {
      if (!stopped) return reply(Failure(stopped.error()));
      // A run that left nothing behind has removed itself by now.
      if (!look_up(id)) return reply({});
      remove(id, false, reply);
    });
  }
  if (Status legal = core::check_transition(sandbox->name(), sandbox->state(), SandboxState::removed); !legal)
    return reply(std::move(legal));
  if (force) return reply(erase(sandbox, principal_of(sandbox->stored.request.caller)));
  // Unapplied changes are somebody's work.
  with_.later([this, sandbox, reply] {
    bool changes = with_.holds_changes(sandbox->id());
    with_.loop.post([this, sandbox, reply, changes] {
      if (changes)
        return reply(Failure(base::conflict("sandbox '" + sandbox->name() + "' holds changes that are not applied")
                                 .with_hint("look: hydravisor diff " + sandbox->name() +
                                            "; throw away: hydravisor rm --force " + sandbox->name())));
      if (Status legal = core::check_transition(sandbox->name(), sandbox->state(), SandboxState::removed); !legal)
        return reply(std::move(legal));
      reply(erase(sandbox, principal_of(sandbox->stored.request.caller)));
    });
  });
}

Result<SandboxInfo> LifeCycle::rename(std::string_view name, const core::RenameRequest& request) {
  Pointer sandbox = HV_TRY(look_up(name));
  std::string wanted = HV_TRY(core::SandboxName::parse(request.name)).text();
  if (auto other = look_up(wanted); other && *other != sandbox)
    return Failure(base::already_exists("a sandbox named '" + wanted + "' exists"));
  base::json::Object payload;
  payload["to"] = wanted;
  HV_TRY(record(*sandbox, "sandbox.renamed", std::move(payload)));
  {
    std::lock_guard lock(mutex_);
    sandbox->stored.info.name = wanted;
  }
  save(*sandbox);
  return sandbox->stored.info;
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
