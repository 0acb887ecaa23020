// The commands inside: started through init, signalled, ended; and what init says.
#include <csignal>
#include <cstring>

#include <sys/wait.h>

#include "supervisor/supervisor.h"
#include "wire/problem.h"

namespace hv::supervisor {

namespace {

// What a command gets to clean up in when its front end has vanished, before it is killed.
constexpr std::chrono::seconds kHangUpGrace{5};

constexpr std::chrono::milliseconds kTellLaunchedAfter{2};

int shell_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

Outcome outcome_of(const shimwire::JobExited& exited) {
  if (exited.exec_errno != 0)
    return {Outcome::Kind::launch_failed, shell_status(exited.wait_status),
            exited.failed_step + ": " + ::strerrordesc_np(exited.exec_errno)};
  if (WIFSIGNALED(exited.wait_status)) return {Outcome::Kind::signalled, WTERMSIG(exited.wait_status), {}};
  return {Outcome::Kind::exited, WEXITSTATUS(exited.wait_status), {}};
}

// For `inspect`: what the launch made.
std::string namespaces_of(const core::LaunchSpec& spec) {
  std::string names = "user mount uts cgroup";
  if (!core::skips(spec.ground, core::Layer::pid_namespace)) names += " pid";
  if (!core::skips(spec.ground, core::Layer::network_namespace)) names += " network";
  if (!core::skips(spec.ground, core::Layer::ipc_namespace)) names += " ipc";
  return names;
}

std::string ids_of(const core::LaunchSpec& spec) {
  if (spec.ground.uid_map.empty()) return "the user's own, nothing else is mapped";
  if (spec.ground.host_root)
    return "65536 of its own, from " + std::to_string(spec.ground.uid_map.front().outside) + " outside";
  return "the user's own, and subordinate ones for all others";
}

}  // namespace

Job& Supervisor::make_job(uint64_t number, const core::Command& command) {
  Job::Hooks hooks;
  hooks.signal = [this, number](int signal_number) { signal_job(number, signal_number, true); };
  if (spec_.limits.idle_millis != 0) hooks.activity = [this] { note_activity(); };
  hooks.client_gone = [this, number](bool detached) { on_client_gone(number, detached); };
  auto job = std::make_unique<Job>(loop_, number, command.arguments.empty() ? "" : command.arguments[0],
                                   command.terminal, std::move(hooks));
  return *(jobs_[number] = std::move(job));
}

Status Supervisor::start_job(Job& job, const core::Command& command, Fd log) {
  std::vector<Fd> inside;
  if (!command.terminal) inside = HV_TRY(job.make_pipes());
  std::vector<int> fds;
  for (const Fd& fd : inside) fds.push_back(fd.get());
  note_activity();
  shimwire::StartJob request{job.number(), limited(command)};
  HV_TRY(
      shimwire::send_packet(init_.control.get(), static_cast<uint8_t>(ToInit::start), shimwire::encode(request), fds));
  if (command.terminal) {
    // Its streams come with `started`; until then the log waits here.
    if (log) log_ = std::move(log);
    return {};
  }
  return job.start(std::move(log));
}

void Supervisor::signal_job(uint64_t job, int number, bool group) {
  shimwire::SignalJob request{job, number, group};
  static_cast<void>(
      shimwire::send_packet(init_.control.get(), static_cast<uint8_t>(ToInit::signal), shimwire::encode(request)));
}

void Supervisor::on_init() {
  Result<shimwire::Packet> packet = shimwire::receive_packet(init_.control.get());
  if (!packet) {
    // Closed: the pidfd tells the rest.
    loop_.unwatch(init_.control.get());
    return;
  }
  switch (static_cast<FromInit>(packet->type)) {
    case FromInit::ready: {
      auto ready = shimwire::decode<shimwire::InitReady>(packet->body);
      if (!ready) break;
      enforced_ = ready->enforced;
      enforced_.insert(enforced_.begin(), {"namespaces: " + namespaces_of(spec_), "ids: " + ids_of(spec_)});
      degraded_ = ready->degraded;
      if (!packet->fds.empty()) {
        if (Status watching = watch_agent(std::move(packet->fds[0])); !watching) return abandon(watching.error());
      }
      // Somebody who waits for the command is served first; what the daemon does with the news would compete with it.
      if (foreground_)
        loop_.after(kTellLaunchedAfter, [this] { tell_launched(); });
      else
        tell_launched();
      return;
    }
    case FromInit::started:
      return on_job_started(*std::move(packet));
    case FromInit::exited: {
      auto exited = shimwire::decode<shimwire::JobExited>(packet->body);
      if (exited) on_job_exited(*exited);
      return;
    }
    case FromInit::imported: {
      auto problem = shimwire::decode<shimwire::Problem>(packet->body);
      if (!problem || imports_.empty()) return;
      bool is_own = imports_.front();
      imports_.pop_front();
      if (is_own && host_sync_) host_sync_->imported(*problem);
      return;
    }
    case FromInit::listeners:
      return;
    case FromInit::failed: {
      auto problem = shimwire::decode<shimwire::Problem>(packet->body);
      return abandon(problem ? shimwire::to_error(*problem) : base::internal_error("the launch failed"));
    }
  }
}

Status Supervisor::watch_agent(Fd listener) {
  if (watch_) return Failure(base::internal_error("init handed out a second listener"));
  auto keep_record = [this](const std::string& payload) -> Status {
    if (auto written = spool_->append(SpoolFamily::monitor, payload); !written)
      return Failure(std::move(written).error());
    announce_records();
    note_activity();
    return {};
  };
  AgentWatch::BeforeWrite before;
  if (live_)
    before = [this](const monitor::WriteIntent& intent, const workspace::LinkReader& links) {
      before_write(intent, links);
    };
  auto stalled = [this](const std::string& reason) {
    stalled_ = reason;
    tell_daemons(FromSupervisor::stalled, shimwire::encode(shimwire::Stalled{reason}));
  };
  watch_.emplace(
      HV_TRY(AgentWatch::start(loop_, std::move(listener), spec_.denied_calls, discretion_, *std::move(exits_),
                               std::move(keep_record), std::move(before), std::move(stalled))));
  return {};
}

void Supervisor::abandon(const Error& error) {
  auto job = jobs_.find(kMainJob);
  if (job != jobs_.end()) job->second->end(125, false, wire::problem_text(error));
  tell_daemons(FromSupervisor::launch_failed, shimwire::encode(shimwire::to_problem(error)));
  finish({Outcome::Kind::launch_failed, 125, error.text()});
}

void Supervisor::on_job_started(shimwire::Packet packet) {
  auto started = shimwire::decode<shimwire::JobStarted>(packet.body);
  auto job = started ? jobs_.find(started->job) : jobs_.end();
  if (job == jobs_.end() || packet.fds.empty()) return;
  Fd log = started->job == kMainJob ? std::move(log_) : Fd();
  if (!job->second->take_terminal(std::move(packet.fds[0])) || !job->second->start(std::move(log)))
    signal_job(started->job, SIGHUP, true);
}

void Supervisor::on_job_exited(const shimwire::JobExited& exited) {
  auto found = jobs_.find(exited.job);
  if (found == jobs_.end()) return;
  Outcome outcome = outcome_of(exited);
  int status = shell_status(exited.wait_status);
  const std::string program = found->second->program();
  std::string problem;
  if (exited.exec_errno != 0) {
    Error error = Error::from_errno(exited.exec_errno, exited.failed_step, program);
    problem = wire::problem_text(std::move(error).with_context("sandbox '" + spec_.name + "'"));
  }
  shimwire::JobEnded ended{exited.job, status, exited.exec_errno, program};
  discretion_.apply(ended.program);
  record(SpoolFamily::job_ended, shimwire::encode(ended));
  if (exited.job == kMainJob && !spec_.keep_alive) {
    if (stopping_)
      outcome = {stopping_->kind, WIFSIGNALED(exited.wait_status) ? WTERMSIG(exited.wait_status) : SIGTERM,
                 stopping_->detail};
    return finish(std::move(outcome), exited.alone ? Left::none : Left::processes, MainEnd{status, std::move(problem)});
  }
  found->second->end(status, exited.job == kMainJob && workspace_changed(), problem);
  jobs_.erase(found);
  tell_daemons(FromSupervisor::job_ended, shimwire::encode(ended));
}

void Supervisor::on_client_gone(uint64_t job, bool detached) {
  bool main_run = job == kMainJob && std::exchange(foreground_, false);
  if (detached) return tell_launched();
  if (job == kMainJob && !main_run) return;
  // As when a terminal is closed: a hang-up, some time to clean up, then the end.
  signal_job(job, SIGHUP, true);
  loop_.after(kHangUpGrace, [this, job] {
    if (!jobs_.contains(job)) return;
    if (job == kMainJob) return begin_stop({}, {Outcome::Kind::stopped, SIGKILL, "its terminal was closed"});
    signal_job(job, SIGKILL, true);
  });
}

void Supervisor::begin_stop(std::chrono::milliseconds grace, Outcome outcome) {
  if (!stopping_) stopping_ = std::move(outcome);
  for (auto& [number, job] : jobs_) signal_job(number, SIGTERM, true);
  auto end = [this] { finish(*stopping_); };
  if (jobs_.empty() || grace.count() == 0) return end();
  loop_.after(grace, end);
}

}  // namespace hv::supervisor
