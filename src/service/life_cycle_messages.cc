// What supervisors say, and what their silence means.
#include <algorithm>
#include <cerrno>
#include <csignal>

#include <sys/wait.h>

#include "base/fd.h"
#include "base/remove_tree.h"
#include "base/unix_socket.h"
#include "isolation/cgroup.h"
#include "service/life_cycle.h"
#include "service/life_cycle_text.h"
#include "service/workspace_cases.h"
#include "workspace/journal.h"

namespace hv::service {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;
using core::Outcome;
using core::SandboxInfo;
using core::SandboxState;

namespace {

constexpr int kMostMessages = 64;  // of one supervisor, before others have their turn

core::Risk risk_of(const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::killed_by_policy:
      return core::Risk::high;
    case Outcome::Kind::supervisor_lost:
      return core::Risk::medium;
    case Outcome::Kind::out_of_memory:
    case Outcome::Kind::out_of_disk:
    case Outcome::Kind::out_of_time:
      return core::Risk::low;
    default:
      return core::Risk::info;
  }
}

base::json::Object describe(const Outcome& outcome) {
  base::json::Object object;
  object["outcome"] = core::outcome_name(outcome.kind);
  object["code"] = outcome.code;
  if (!outcome.detail.empty()) object["detail"] = outcome.detail;
  return object;
}

}  // namespace

// Taking up what is there. Whoever holds a sandbox's lock is its supervisor: a free lock means that nothing runs.
Status LifeCycle::reconcile() {
  for (std::string& directory : with_.store.half_done()) remove_later(std::move(directory), [](const Status&) {});
  std::vector<std::string> problems;
  std::vector<store::StoredSandbox> found = HV_TRY(with_.store.load_all(problems));
  for (store::StoredSandbox& stored : found) {
    auto sandbox = std::make_shared<LiveSandbox>();
    sandbox->directory = with_.store.path_of(stored.info.id);
    sandbox->stored = std::move(stored);
    if (Status noted = with_.redactions.note(sandbox->id(), sandbox->stored.audit); !noted)
      problems.push_back(sandbox->directory + "/sandbox.json: " + noted.error().message());
    {
      std::lock_guard lock(mutex_);
      sandboxes_[sandbox->id()] = sandbox;
    }
    SandboxState state = sandbox->state();
    if (state == SandboxState::stopped) {
      finish_removal(sandbox);
      if (WorkspaceCases::are_files_due(sandbox->directory)) record_files(sandbox);
    }
    show_behavior(*sandbox);
    if (state == SandboxState::created || state == SandboxState::stopped) continue;
    Result<runtime::SupervisorLink> link = runtime::SupervisorLink::adopt(sandbox->directory);
    if (!link) {
      on_lost(sandbox);
      continue;
    }
    sandbox->link = *std::move(link);
    sandbox->last_job = static_cast<uint64_t>(base::system_clock().monotonic().count());
    if (Status opened = open_behavior(*sandbox); !opened)
      static_cast<void>(
          record(*sandbox, "behavior.failed", {{"error", base::printable(opened.error().text())}}, core::Risk::high));
    // A daemon before may have ended while it kept this one frozen.
    sandbox->held = sandbox->told_frozen = sandbox->stored.info.frozen && state == SandboxState::paused;
    while (ingest(*sandbox)) {
    }
    take_up_throttles(sandbox);
    watch_hours(sandbox);
    listen_to(sandbox);
    judge_record(sandbox);
    // Whoever was probing it ended with the daemon before.
    if (sandbox->stored.twin) with_.loop.post([this, id = sandbox->id()] { remove(id, true, [](const Status&) {}); });
  }
  return {};
}

void LifeCycle::on_message(const Pointer& sandbox) {
  if (sandbox->leaving) {
    Result<shimwire::Packet> last = sandbox->leaving->receive();
    if (!last && last.error().code() != base::ErrorCode::unavailable) on_gone(sandbox);
    return;
  }
  // Called again while more is there.
  for (int i = 0; i < kMostMessages && sandbox->link; ++i) {
    Result<shimwire::Packet> packet = sandbox->link->receive();
    if (!packet) {
      if (packet.error().code() != base::ErrorCode::unavailable) on_lost(sandbox);
      return;
    }
    // What else it says may mean something else in its version; its end shows by itself.
    if (sandbox->foreign_protocol) continue;
    switch (static_cast<shimwire::FromSupervisor>(packet->type)) {
      case shimwire::FromSupervisor::launched:
      case shimwire::FromSupervisor::status:
        if (uint32_t protocol = shimwire::protocol_of(packet->body); protocol != shimwire::kProtocol)
          on_foreign(*sandbox, protocol);
        else if (auto launched = shimwire::decode<shimwire::Launched>(packet->body))
          on_launched(*sandbox, *launched);
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
        on_announced(sandbox);
        break;
      case shimwire::FromSupervisor::job_ended:
        keep_reading(sandbox);
        break;
      case shimwire::FromSupervisor::stalled:
        if (auto stalled = shimwire::decode<shimwire::Stalled>(packet->body)) sandbox->stalled = stalled->reason;
        judge_record(sandbox);
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

// Of another version. What runs in it goes on and stays recorded as far as that can be read, but nothing is asked of
// it: a message that it took for another one would be worse than none.
void LifeCycle::on_foreign(LiveSandbox& sandbox, uint32_t protocol) {
  sandbox.foreign_protocol = protocol;
  std::lock_guard lock(mutex_);
  SandboxInfo& info = sandbox.stored.info;
  if (info.state == SandboxState::starting) info.state = SandboxState::running;
  std::string said = another_version(sandbox.name(), protocol).message();
  if (std::ranges::find(info.isolation.degraded, said) == info.isolation.degraded.end())
    info.isolation.degraded.push_back(std::move(said));
}

// Its death ends everything inside at once; on_lost() does the rest.
void LifeCycle::kill_supervisor(const LiveSandbox& sandbox) {
  if (!sandbox.link) return;
  // Of a socket that was made in a pair the kernel names its maker as the peer, which is this daemon.
  pid_t pid = sandbox.link->child();
  if (pid <= 0) {
    auto peer = base::peer_credentials(sandbox.link->fd());
    pid = peer ? peer->pid : static_cast<pid_t>(sandbox.stored.info.supervisor_pid.value_or(0));
  }
  if (pid > 0) ::kill(pid, SIGKILL);
}

void LifeCycle::on_ended(const Pointer& sandbox, const shimwire::Ended& ended) {
  refill_spare();
  when_read(sandbox, [this, sandbox, ended] { settle(sandbox, ended.outcome, ended.workspace_changed); });
}

// The supervisor went without a word: killed. All inside died with it.
void LifeCycle::on_lost(const Pointer& sandbox) {
  bool foreign = std::exchange(sandbox->foreign_protocol, std::nullopt).has_value();
  bool asked = sandbox->state() == SandboxState::stopping;
  Result<std::string> left =
      foreign ? Failure(base::not_found("in another format")) : base::read_file(sandbox->directory + "/outcome");
  Result<shimwire::Ended> ended = left ? shimwire::decode<shimwire::Ended>(*left) : Failure(left.error());
  if (ended) refill_spare();
  when_read(sandbox, [this, sandbox, ended, foreign, asked] {
    sandbox->link.reset();
    if (ended) return settle(sandbox, ended->outcome, ended->workspace_changed);
    const SandboxInfo& info = sandbox->stored.info;
    const char* why = info.supervisor_pid ? "its supervisor was killed"
                                          : "its supervisor was killed, or the daemon, before it had started";
    if ((foreign || sandbox->damaged) && asked)
      return settle(sandbox, Outcome{Outcome::Kind::stopped, SIGKILL, "stopped on request"}, true);
    settle(sandbox, info.outcome.value_or(Outcome{Outcome::Kind::supervisor_lost, 0, why}), true);
  });
}

// Nothing runs inside any more: the outcome becomes part of the record, and what the kernel holds for the sandbox is
// given back.
void LifeCycle::settle(const Pointer& pointer, Outcome outcome, bool workspace_changed) {
  LiveSandbox& sandbox = *pointer;
  sandbox.deadline.reset();
  sandbox.leaving_pid = static_cast<pid_t>(sandbox.stored.info.supervisor_pid.value_or(0));
  sandbox.leaving = std::exchange(sandbox.link, std::nullopt);
  {
    std::lock_guard lock(mutex_);
    SandboxInfo& info = sandbox.stored.info;
    info.state = SandboxState::stopped;
    info.stopped = base::system_clock().wall();
    info.outcome = outcome;
    info.pid.reset();
    info.supervisor_pid.reset();
    info.frozen.reset();
    sandbox.shown_throttles.clear();
  }
  sandbox.spool.reset();
  sandbox.behavior.reset();
  sandbox.throttles.clear();
  sandbox.hours.reset();
  sandbox.retry.reset();
  sandbox.stalled.clear();
  // What is frozen does not even die.
  if (std::exchange(sandbox.held, false)) static_cast<void>(isolation::Cgroup(sandbox.stored.info.cgroups).kill_all());
  // What the ledger knows of damage it is not told again when the files go.
  if (!sandbox.damaged) sandbox.told_frozen = false;
  record_afterwards(pointer, "sandbox.stopped", describe(outcome), risk_of(outcome));
  reply_started(sandbox,
                Failure(base::conflict("sandbox '" + sandbox.name() + "' ended while starting: " + outcome.detail)));
  reply_stopped(sandbox);
  for (auto& reply : std::exchange(sandbox.on_ended, {})) reply(outcome);
  save(sandbox);
  bool untouched = !workspace_changed && !WorkspaceCases::were_files_told(sandbox.directory);
  when_gone(pointer, [this, pointer, untouched] {
    if (!pointer->stored.remove_when_done) return record_files(pointer);
    untouched ? erase_unasked(pointer) : forget_if_empty(pointer);
  });
  if (!sandbox.leaving) on_gone(pointer);
}

void LifeCycle::on_gone(const Pointer& sandbox) {
  sandbox->messages.reset();
  sandbox->leaving.reset();
  // It is ours to reap even when this daemon adopted it and an earlier program of this process started it; otherwise
  // waitpid says so.
  if (pid_t child = std::exchange(sandbox->leaving_pid, 0); child > 0) {
    with_.later([child] {
      while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
      }
    });
  }
  clean_up(*sandbox);
  for (auto& task : std::exchange(sandbox->after_gone, {})) task();
}

void LifeCycle::when_gone(const Pointer& sandbox, std::function<void()> task) {
  if (sandbox->leaving) return sandbox->after_gone.push_back(std::move(task));
  task();
}

void LifeCycle::when_free(const std::string& id, std::function<void()> task) {
  with_.locks.call_when_free(id, [this, task = std::move(task)] { with_.loop.post(task); });
}

void LifeCycle::clean_up(LiveSandbox& sandbox) {
  sandbox.stored.id_base.reset();
  isolation::Cgroup cgroup(sandbox.stored.info.cgroups);
  if (cgroup.remove(std::chrono::milliseconds(0))) return;
  // Tasks that are still ending hold the directory for a moment.
  auto waiting = std::make_shared<std::vector<std::function<void()>>>();
  sandbox.cleaning = waiting;
  with_.later([this, directories = sandbox.stored.info.cgroups, waiting = std::move(waiting)]() mutable {
    static_cast<void>(isolation::Cgroup(directories).remove(std::chrono::seconds(5)));
    with_.loop.post([waiting = std::move(waiting)]() mutable {
      auto tasks = std::move(*waiting);
      waiting.reset();
      for (const auto& task : tasks) task();
    });
  });
}

void LifeCycle::record_files(const Pointer& sandbox) {
  with_.later([this, id = sandbox->id()] { with_.record_files(id); });
}

// Files in the upper layer need not be changes: a look by the worker decides, off the loop. What was applied before
// that look may still be wanted back.
void LifeCycle::forget_if_empty(const Pointer& sandbox) {
  std::weak_ptr<LiveSandbox> weak = sandbox;
  with_.later([this, weak, id = sandbox->id(), workspace = sandbox->directory + "/workspace"] {
    with_.record_files(id);
    if (with_.holds_changes(id)) return;
    auto applied = workspace::Journal::latest(workspace);
    if (!applied || *applied) return;
    with_.loop.post([this, weak] {
      Pointer still = weak.lock();
      if (!still || still->state() != SandboxState::stopped) return;
      when_gone(still, [this, still] { erase_unasked(still); });
    });
  });
}

// A daemon that was stopped in between leaves the rest of a run's end to the next one.
void LifeCycle::finish_removal(const Pointer& sandbox) {
  clean_up(*sandbox);
  forget_if_unwanted(sandbox);
}

void LifeCycle::forget_if_unwanted(const Pointer& sandbox) {
  if (sandbox->stored.remove_when_done) forget_if_empty(sandbox);
}

Status LifeCycle::record_removal(LiveSandbox& sandbox, const std::string& principal) {
  // Its spool goes with its files. What the ledger could not take before it has to take now.
  Status read = read_out(sandbox);
  if (!read && with_.store.give_back_reserve(sandbox.id())) read = read_out(sandbox);
  HV_TRY(std::move(read));
  core::Event event;
  event.kind = "sandbox.removed";
  event.sandbox = sandbox.id();
  event.principal = principal;
  event.payload["name"] = sandbox.name();
  auto index = with_.ledger.record(event);
  // The disk may be full of this sandbox's own files, and what is not recorded may not go.
  if (!index && index.error().os_error() == ENOSPC && with_.store.give_back_reserve(sandbox.id()))
    index = with_.ledger.record(event);
  if (!index) return Failure(std::move(index).error());
  return {};
}

void LifeCycle::erase_unasked(const Pointer& sandbox) {
  // Somebody may have started or removed it meanwhile.
  if (sandbox->state() != SandboxState::stopped) return;
  auto hold = with_.locks.try_hold(sandbox->id());
  if (!hold) return when_free(sandbox->id(), [this, sandbox] { erase_unasked(sandbox); });
  erase(sandbox, "system", [](const Status&) {});
}

void LifeCycle::erase(const Pointer& sandbox, const std::string& principal, StatusReply reply) {
  if (Status recorded = record_removal(*sandbox, principal); !recorded) return reply(std::move(recorded));
  // First the files, then the name: who no longer finds the sandbox finds nothing of it.
  Result<std::string> aside = with_.store.set_aside(sandbox->id());
  if (!aside) return reply(Failure(std::move(aside).error()));
  {
    std::lock_guard lock(mutex_);
    sandbox->stored.info.state = SandboxState::removed;
    sandboxes_.erase(sandbox->id());
  }
  with_.redactions.forget(sandbox->id());
  if (aside->empty()) return reply({});
  remove_later(*std::move(aside), std::move(reply));
}

// The size of the tree is the agent's choice, so it must not be the loop that walks it.
void LifeCycle::remove_later(std::string directory, StatusReply reply) {
  with_.later([&loop = with_.loop, directory = std::move(directory), reply = std::move(reply)] {
    Status removed = base::remove_tree(directory);
    loop.post([reply, removed = std::move(removed)]() mutable { reply(std::move(removed)); });
  });
}

}  // namespace hv::service
