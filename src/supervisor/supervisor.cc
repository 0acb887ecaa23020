#include "supervisor/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "base/unix_socket.h"
#include "shimwire/launch_codec.h"
#include "supervisor/confine.h"
#include "supervisor/programs.h"
#include "wire/problem.h"

namespace hv::supervisor {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;
using core::Outcome;
using shimwire::FromInit;
using shimwire::FromSupervisor;
using shimwire::SpoolFamily;
using shimwire::ToInit;
using shimwire::ToSupervisor;

constexpr uint64_t kMainJob = 1;
// Records are announced together: a burst of commands wakes the daemon once.
constexpr std::chrono::milliseconds kAnnounceAfter{2};
// What a command gets to clean up in when its front end has vanished, before it is killed.
constexpr std::chrono::seconds kHangUpGrace{5};

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
  if (!core::skips(spec, core::Layer::pid_namespace)) names += " pid";
  if (!core::skips(spec, core::Layer::network_namespace)) names += " network";
  if (!core::skips(spec, core::Layer::ipc_namespace)) names += " ipc";
  return names;
}

std::string ids_of(const core::LaunchSpec& spec) {
  if (spec.uid_map.empty()) return "the user's own, nothing else is mapped";
  if (spec.host_root) return "65536 of its own, from " + std::to_string(spec.uid_map.front().outside) + " outside";
  return "the user's own, and subordinate ones for all others";
}

bool holds_entries(const Fd& directory) {
  Fd again(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* stream = again ? ::fdopendir(again.release()) : nullptr;
  if (stream == nullptr) return true;  // unreadable: better shown than lost
  int entries = 0;
  while (::readdir(stream) != nullptr && entries < 3) ++entries;
  ::closedir(stream);
  return entries > 2;
}

}  // namespace

int Supervisor::serve(Fd daemon, shimwire::Packet packet) {
  ::signal(SIGPIPE, SIG_IGN);
  Result<base::EventLoop> loop = base::EventLoop::create();
  Result<shimwire::LaunchRequest> request = shimwire::decode<shimwire::LaunchRequest>(packet.body);
  if (!loop || !request) return 125;
  Result<core::LaunchSpec> spec = shimwire::decode_launch_spec(request->spec);
  size_t expected = (request->has_client ? 1u : 0u) + (request->has_user_namespace ? 1u : 0u);
  if (!spec || packet.fds.size() != expected) return 125;
  Fd client = request->has_client ? std::move(packet.fds[0]) : Fd();
  Fd user_namespace = request->has_user_namespace ? std::move(packet.fds.back()) : Fd();

  Supervisor self(*std::move(loop), *std::move(spec));
  self.add_daemon(std::move(daemon));
  auto start = [&]() -> Status {
    HV_TRY(self.open_state());
    HV_TRY(self.launch_sandbox(std::move(user_namespace)));
    HV_TRY(self.start_main_job(std::move(client), std::move(request->buffered)));
    HV_TRY(confine_self(self.spec_.watch_workspace ? self.spec_.workspace : "",
                        self.spec_.host_root && self.spec_.keep_preimages));
    if (self.host_sync_) self.host_sync_->begin("/workspace");
    return self.serve_events();
  };
  Status served = start();
  if (!served) self.fail_launch(served.error(), std::move(client));
  return served ? 0 : 125;
}

// The directory is the truth about the sandbox: whoever holds `lock` is its supervisor.
Status Supervisor::open_state() {
  state_directory_ = HV_TRY(base::open_file(spec_.state_directory, O_RDONLY | O_DIRECTORY));
  int state = state_directory_.get();
  lock_ = HV_TRY(base::open_file("lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, state));
  HV_TRY(take_lock());
  spool_ = HV_TRY(shimwire::SpoolWriter::open(state, base::system_clock()));
  ::unlinkat(state, "control.sock", 0);
  control_listener_ = HV_TRY(base::listen_unix(spec_.state_directory + "/control.sock", SOCK_SEQPACKET));
  if (!spec_.log_path.empty())
    log_ = HV_TRY(base::open_file(spec_.log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  for (const core::Mount& mount : spec_.mounts) {
    bool workspace =
        mount.kind == core::Mount::Kind::overlay && mount.upper.starts_with(spec_.state_directory + "/workspace");
    if (workspace) uppers_.push_back(HV_TRY(base::open_file(mount.upper + "/upper", O_RDONLY | O_DIRECTORY)));
  }
  if (spec_.keep_preimages)
    live_.emplace(HV_TRY(LiveWatch::open(spec_.workspace, spec_.state_directory + "/workspace")));
  if (spec_.watch_workspace) HV_TRY(open_host_sync());
  return {};
}

Status Supervisor::open_host_sync() {
  HostSync::Hooks hooks;
  hooks.import = [this](const shimwire::ImportRequest& request, int file) {
    std::vector<int> fds;
    if (file >= 0) fds.push_back(file);
    return import_file(shimwire::encode(request), fds, true);
  };
  hooks.conflict = [this](const std::string& path, const std::string& reason) {
    note("workspace.conflict", {{"path", base::printable(path)}, {"reason", reason}});
  };
  hooks.gap = [this](const std::string& reason) {
    degraded_.push_back("edits of the host may not reach the sandbox by themselves: " + reason);
    note("workspace.unwatched", {{"reason", reason}});
  };
  host_sync_ = HV_TRY(HostSync::open(loop_, spec_.workspace, spec_.state_directory + "/workspace", std::move(hooks)));
  return {};
}

Status Supervisor::import_file(const std::string& request, const std::vector<int>& fds, bool is_own) {
  HV_TRY(shimwire::send_packet(init_.control.get(), static_cast<uint8_t>(ToInit::import_file), request, fds));
  imports_.push_back(is_own);
  return {};
}

Status Supervisor::launch_sandbox(Fd user_namespace) {
  std::string directory = HV_TRY(own_directory());
  Fd init_program = HV_TRY(base::open_file(directory + "/hydravisor-init", O_PATH));
  init_ = HV_TRY(launch(spec_, std::move(user_namespace), init_program));
  if (spec_.host_ports.empty() || core::skips(spec_, core::Layer::network_namespace)) return {};
  return receive_listeners();
}

// The last supervisor of this sandbox may still be on its way out; another that lives does not let go.
Status Supervisor::take_lock() {
  for (int attempt = 0; ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (attempt == 1000) return Failure(base::conflict("sandbox '" + spec_.name + "' is already running"));
    ::poll(nullptr, 0, 2);
  }
  return {};
}

// The gateway is started before the supervisor gives up the right to execute.
Status Supervisor::receive_listeners() {
  shimwire::Packet packet = HV_TRY(shimwire::receive_packet(init_.control.get()));
  if (packet.type == kListeners) return start_gateway(std::move(packet.fds));
  if (packet.type == static_cast<uint8_t>(FromInit::failed))
    return Failure(shimwire::to_error(HV_TRY(shimwire::decode<shimwire::Problem>(packet.body))));
  return Failure(base::internal_error("the sandbox's launcher said something unexpected"));
}

Status Supervisor::start_gateway(std::vector<Fd> listeners) {
  base::SocketPair control = HV_TRY(base::make_socket_pair(SOCK_SEQPACKET));
  base::CommandSpec command;
  command.program = HV_TRY(own_directory()) + "/hydravisor-gateway";
  command.fds = {{control.second.get(), 3}};
  int next = 4;
  for (const Fd& listener : listeners) command.fds.emplace_back(listener.get(), next++);
  command.arguments = {std::to_string(listeners.size())};
  gateway_.emplace(HV_TRY(base::spawn(command)));
  gateway_control_ = std::move(control.first);
  return loop_.watch(gateway_control_.get(), EPOLLIN, [this](uint32_t) { on_gateway(); });
}

Status Supervisor::start_main_job(Fd client, std::string buffered) {
  if (spec_.command.arguments.empty()) return {};
  Job& job = make_job(kMainJob, spec_.command);
  if (client) {
    foreground_ = true;
    HV_TRY(job.add_client(std::move(client), std::move(buffered), false));
  }
  return start_job(job, spec_.command, std::move(log_));
}

Status Supervisor::serve_events() {
  HV_TRY(loop_.watch(init_.control.get(), EPOLLIN, [this](uint32_t) { on_init(); }));
  HV_TRY(loop_.watch(init_.pidfd.get(), EPOLLIN, [this](uint32_t) {
    // PID 1 never ends by itself: it was killed, by the kernel for memory or by hand.
    finish(stopping_.value_or(Outcome{Outcome::Kind::signalled, SIGKILL, "the sandbox's init was killed"}));
  }));
  HV_TRY(base::set_nonblocking(control_listener_.get(), true));
  HV_TRY(loop_.watch(control_listener_.get(), EPOLLIN, [this](uint32_t) { accept_daemon(); }));
  return loop_.run();
}

// Daemons.

void Supervisor::add_daemon(Fd connection) {
  int fd = connection.get();
  // A daemon that cannot be watched cannot be served; it will connect again.
  if (!base::set_nonblocking(fd, true) || !loop_.watch(fd, EPOLLIN, [this, fd](uint32_t) { on_daemon(fd); })) return;
  daemons_[fd] = std::move(connection);
}

void Supervisor::accept_daemon() {
  Fd connection(::accept4(control_listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection) return;
  Result<base::PeerCredentials> peer = base::peer_credentials(connection.get());
  // The id as this user namespace shows it: real root has none here and appears as the overflow id, but the socket's
  // directory lets only the owner and root in.
  if (peer && (peer->uid == ::getuid() || peer->uid == 0 || peer->uid == 65534)) add_daemon(std::move(connection));
}

void Supervisor::on_daemon(int fd) {
  Result<shimwire::Packet> packet = shimwire::receive_packet(fd);
  if (!packet) {
    if (packet.error().code() == base::ErrorCode::unavailable) return;
    loop_.unwatch(fd);
    daemons_.erase(fd);
    return;
  }
  handle(fd, *std::move(packet));
}

void Supervisor::tell_daemons(FromSupervisor type, const std::string& body) {
  // A daemon that does not read, or is gone, learns the same from the directory and the spool.
  for (auto& [fd, connection] : daemons_)
    static_cast<void>(shimwire::send_packet(fd, static_cast<uint8_t>(type), body));
}

shimwire::Launched Supervisor::status() const {
  shimwire::Launched launched;
  launched.init_pid = init_.pid;
  launched.supervisor_pid = ::getpid();
  launched.enforced = enforced_;
  launched.degraded = degraded_;
  launched.cgroups = spec_.cgroups;
  launched.running = !finished_;
  launched.last_sequence = spool_->last_sequence();
  return launched;
}

void Supervisor::handle(int daemon, shimwire::Packet packet) {
  auto refuse = [&](const Error& error) {
    if (packet.fds.empty()) return;
    Client client(loop_, std::move(packet.fds[0]), {}, {});
    if (client.start()) {
      client.send(FrameType::error, wire::problem_text(error));
      client.send_exit(125, false);
      client.finish();
    }
  };
  switch (static_cast<ToSupervisor>(packet.type)) {
    case ToSupervisor::hello:
      static_cast<void>(
          shimwire::send_packet(daemon, static_cast<uint8_t>(FromSupervisor::status), shimwire::encode(status())));
      return;
    case ToSupervisor::exec: {
      auto request = shimwire::decode<shimwire::ExecRequest>(packet.body);
      if (!request || packet.fds.size() != 1 || jobs_.contains(request->job))
        return refuse(base::internal_error("malformed exec request"));
      Job& job = make_job(request->job, request->command);
      Status started = job.add_client(std::move(packet.fds[0]), std::move(request->buffered), false);
      if (started) started = start_job(job, request->command, Fd());
      if (!started) job.end(125, false, wire::problem_text(started.error()));
      return;
    }
    case ToSupervisor::attach: {
      auto request = shimwire::decode<shimwire::AttachRequest>(packet.body);
      auto job = jobs_.find(kMainJob);
      if (!request || job == jobs_.end())
        return refuse(base::conflict("sandbox '" + spec_.name + "' has no main command to attach to")
                          .with_hint("run one in it: hydravisor exec " + spec_.name + " -- CMD"));
      if (!packet.fds.empty() && job->second->add_client(std::move(packet.fds[0]), std::move(request->buffered), true))
        job->second->set_size(request->rows, request->columns);
      return;
    }
    case ToSupervisor::signal: {
      auto request = shimwire::decode<shimwire::SignalRequest>(packet.body);
      if (request) signal_job(kMainJob, request->number, true);
      return;
    }
    case ToSupervisor::stop: {
      auto request = shimwire::decode<shimwire::StopRequest>(packet.body);
      if (request) begin_stop(std::chrono::milliseconds(request->grace_milliseconds), "stopped on request");
      return;
    }
    case ToSupervisor::import_file:
      if (packet.fds.size() == 1) static_cast<void>(import_file(packet.body, {packet.fds[0].get()}, false));
      return;
    case ToSupervisor::launch:
      return;  // only the first message may launch
  }
}

// Jobs.

Job& Supervisor::make_job(uint64_t number, const core::Command& command) {
  Job::Hooks hooks;
  hooks.signal = [this, number](int signal_number) { signal_job(number, signal_number, true); };
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
  shimwire::StartJob request{job.number(), command};
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
      tell_daemons(FromSupervisor::launched, shimwire::encode(status()));
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
    case FromInit::failed: {
      auto problem = shimwire::decode<shimwire::Problem>(packet->body);
      return abandon(problem ? shimwire::to_error(*problem) : base::internal_error("the launch failed"));
    }
  }
}

Status Supervisor::watch_agent(Fd listener) {
  auto keep_record = [this](const std::string& payload) -> Status {
    if (auto written = spool_->append(SpoolFamily::monitor, payload); !written)
      return Failure(std::move(written).error());
    announce_records();
    return {};
  };
  AgentWatch::BeforeWrite before;
  if (live_) before = [this](const monitor::WriteIntent& intent) { before_write(intent); };
  watch_.emplace(HV_TRY(AgentWatch::start(loop_, std::move(listener), std::move(keep_record), std::move(before))));
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
  record(SpoolFamily::job_ended, shimwire::encode(ended));
  if (exited.job == kMainJob && !spec_.keep_alive) {
    if (stopping_)
      outcome = {Outcome::Kind::stopped, WIFSIGNALED(exited.wait_status) ? WTERMSIG(exited.wait_status) : SIGTERM,
                 stopping_->detail};
    return finish(std::move(outcome), MainEnd{status, std::move(problem)});
  }
  found->second->end(status, exited.job == kMainJob && workspace_changed(), problem);
  jobs_.erase(found);
  tell_daemons(FromSupervisor::job_ended, shimwire::encode(ended));
}

void Supervisor::on_client_gone(uint64_t job, bool detached) {
  bool main_run = job == kMainJob && std::exchange(foreground_, false);
  if (detached || (job == kMainJob && !main_run)) return;
  // As when a terminal is closed: a hang-up, some time to clean up, then the end.
  signal_job(job, SIGHUP, true);
  loop_.after(kHangUpGrace, [this, job] {
    if (!jobs_.contains(job)) return;
    if (job == kMainJob) return begin_stop({}, "its terminal was closed");
    signal_job(job, SIGKILL, true);
  });
}

void Supervisor::begin_stop(std::chrono::milliseconds grace, std::string reason) {
  if (!stopping_) stopping_ = Outcome{Outcome::Kind::stopped, SIGKILL, std::move(reason)};
  for (auto& [number, job] : jobs_) signal_job(number, SIGTERM, true);
  auto end = [this] { finish(*stopping_); };
  if (jobs_.empty() || grace.count() == 0) return end();
  loop_.after(grace, end);
}

// The record.

void Supervisor::record(SpoolFamily family, const std::string& payload) {
  // What has already happened cannot be held back; the gap shows as a missing exit in the ledger.
  if (spool_->append(family, payload)) announce_records();
}

void Supervisor::note(std::string_view kind, base::json::Object payload) {
  record(SpoolFamily::note, base::json::serialize(base::json::Object{{"kind", kind}, {"payload", std::move(payload)}}));
}

// The call goes on either way: a full disk must not stop the agent, but it is told that undo will miss something.
void Supervisor::before_write(const monitor::WriteIntent& intent) {
  Status kept = live_->before(intent);
  if (kept || std::exchange(told_not_kept_, true)) return;
  degraded_.push_back("undo will miss some of the changes: " + kept.error().message());
  note("workspace.not_kept", {{"reason", kept.error().message()}});
}

void Supervisor::announce_records() {
  if (std::exchange(announced_, true)) return;
  loop_.after(kAnnounceAfter, [this] {
    announced_ = false;
    tell_daemons(FromSupervisor::spooled, shimwire::encode(shimwire::Spooled{spool_->last_sequence()}));
  });
}

void Supervisor::on_gateway() {
  Result<shimwire::Packet> packet = shimwire::receive_packet(gateway_control_.get());
  if (!packet) {
    // Host ports end with the gateway; connections to them are refused from now on.
    loop_.unwatch(gateway_control_.get());
    return;
  }
  auto event = shimwire::decode<shimwire::HostPortEvent>(packet->body);
  if (!event) return;
  if (static_cast<shimwire::Gateway>(packet->type) == shimwire::Gateway::closed)
    return record(SpoolFamily::host_port_closed, shimwire::encode(*event));
  // Recorded before effect: without the record there is no connection.
  if (!spool_->append(SpoolFamily::host_port_connected, shimwire::encode(*event))) return;
  announce_records();
  shimwire::Writer number;
  static_cast<void>(shimwire::send_packet(gateway_control_.get(), static_cast<uint8_t>(shimwire::Gateway::proceed),
                                          number.u64(event->connection).take()));
}

bool Supervisor::workspace_changed() const {
  return (live_ && live_->holds_anything()) || std::ranges::any_of(uppers_, holds_entries);
}

// The daemon learns of the end before the front end does, so that what a person types next finds a sandbox that has
// ended.
void Supervisor::finish(Outcome outcome, std::optional<MainEnd> main_end) {
  if (std::exchange(finished_, true)) return;
  ::syscall(SYS_pidfd_send_signal, init_.pidfd.get(), SIGKILL, nullptr, 0);
  if (watch_) watch_->flush();
  bool changed = workspace_changed();
  bool client_attached = std::ranges::any_of(jobs_, [](const auto& item) { return item.second->has_client(); });
  shimwire::Ended ended{outcome, changed, spool_->last_sequence(), client_attached};
  std::string body = shimwire::encode(ended);
  tell_daemons(FromSupervisor::ended, body);
  for (auto& [number, job] : jobs_) {
    bool main = number == kMainJob;
    int status = main && main_end ? main_end->status : outcome.exit_code();
    job->end(status, main && changed, main && main_end ? main_end->problem : "");
  }
  jobs_.clear();
  while (::waitpid(init_.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  // The daemon may be dead: then this file is how the next one learns.
  int state = state_directory_.get();
  Result<Fd> file = base::open_file("outcome.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, state);
  if (file && base::write_all(file->get(), body)) ::renameat(state, "outcome.new", state, "outcome");
  ::unlinkat(state, "control.sock", 0);
  loop_.stop();
}

void Supervisor::fail_launch(const Error& error, Fd client) {
  std::string problem = wire::problem_text(error);
  auto job = jobs_.find(kMainJob);
  if (job != jobs_.end()) {
    job->second->end(125, false, problem);
  } else if (client) {
    Client direct(loop_, std::move(client), {}, {});
    if (direct.start()) {
      direct.send(FrameType::error, problem);
      direct.send_exit(125, false);
      direct.finish();
    }
  }
  tell_daemons(FromSupervisor::launch_failed, shimwire::encode(shimwire::to_problem(error)));
  if (init_.pidfd) ::syscall(SYS_pidfd_send_signal, init_.pidfd.get(), SIGKILL, nullptr, 0);
}

}  // namespace hv::supervisor
