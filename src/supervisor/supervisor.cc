#include "supervisor/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scheduling.h"
#include "base/text.h"
#include "base/unix_socket.h"
#include "base/version.h"
#include "shimwire/launch_codec.h"
#include "supervisor/confine.h"
#include "supervisor/programs.h"
#include "wire/problem.h"

namespace hv::supervisor {

namespace {

bool holds_entries(const Fd& directory) {
  Fd again(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* stream = again ? ::fdopendir(again.release()) : nullptr;
  if (stream == nullptr) return true;  // unreadable: better shown than lost
  int entries = 0;
  while (::readdir(stream) != nullptr && entries < 3) ++entries;
  ::closedir(stream);
  return entries > 2;
}

Result<Launch> prepare(shimwire::Packet packet, std::optional<GatewayProcess>& gateway) {
  auto request = HV_TRY(shimwire::decode<shimwire::PrepareRequest>(packet.body));
  Fd user_namespace;
  if (request.has_user_namespace && !packet.fds.empty()) user_namespace = std::move(packet.fds.front());
  Launch launch = HV_TRY(Launch::prepare(request.ground, std::move(user_namespace)));
  if (request.ground.egress && !core::skips(request.ground, core::Layer::network_namespace)) {
    // One that cannot be started now is started, or its failure told of, by the launch.
    if (Result<GatewayProcess> started = GatewayProcess::start()) gateway.emplace(*std::move(started));
  }
  return launch;
}

// Most descriptors are for processes: what else the supervisor holds is bounded and small.
monitor::ExitFollower open_exits() {
  monitor::ExitLimits limits;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
    limits.followed = std::min<size_t>(limits.followed, static_cast<size_t>(files.rlim_cur / 2));
  return monitor::ExitFollower(monitor::open_exit_source(), limits);
}

}  // namespace

int Supervisor::serve(Fd daemon) {
  ::signal(SIGPIPE, SIG_IGN);
  // The agent stands still while a call of its is recorded.
  base::ask_for_short_slices();
  // The kernel gives some means only to who has not entered another user namespace.
  monitor::ExitFollower exits = open_exits();
  std::optional<Result<Launch>> prepared;
  std::optional<GatewayProcess> gateway;
  Result<shimwire::Packet> received = shimwire::receive_packet(daemon.get());
  if (received && received->type == static_cast<uint8_t>(shimwire::ToSupervisor::prepare)) {
    prepared = prepare(*std::move(received), gateway);
    received = shimwire::receive_packet(daemon.get());
  }
  // A daemon that ends takes its spare supervisor along.
  if (!received || received->type != static_cast<uint8_t>(shimwire::ToSupervisor::launch)) return 125;
  shimwire::Packet packet = *std::move(received);
  if (shimwire::protocol_of(packet.body) != shimwire::kProtocol) {
    // The programs were replaced under a daemon that runs.
    Error error = base::conflict("the daemon is of another version than " + std::string(base::kVersion))
                      .with_hint("start it again: hydravisor daemon stop; running sandboxes go on");
    static_cast<void>(shimwire::send_packet(daemon.get(), static_cast<uint8_t>(FromSupervisor::launch_failed),
                                            shimwire::encode(shimwire::to_problem(error))));
    return 125;
  }
  Result<base::EventLoop> loop = base::EventLoop::create();
  Result<shimwire::LaunchRequest> request = shimwire::decode<shimwire::LaunchRequest>(packet.body);
  if (!loop || !request) return 125;
  Result<core::LaunchSpec> spec = shimwire::decode_launch_spec(request->spec);
  size_t expected = (request->has_client ? 1u : 0u) + (request->has_user_namespace ? 1u : 0u);
  if (!spec || packet.fds.size() != expected) return 125;
  Fd client = request->has_client ? std::move(packet.fds[0]) : Fd();
  Fd user_namespace = request->has_user_namespace ? std::move(packet.fds.back()) : Fd();

  Supervisor self(*std::move(loop), *std::move(spec));
  self.exits_.emplace(std::move(exits));
  self.add_daemon(std::move(daemon));
  if (gateway) self.gateway_.emplace(*std::move(gateway));
  auto start = [&]() -> Status {
    HV_TRY(self.take_state());
    self.discretion_ = HV_TRY(Discretion::of(self.spec_.audit));
    HV_TRY(self.launch_sandbox(std::move(prepared), std::move(user_namespace)));
    // While init builds.
    HV_TRY(self.open_state());
    HV_TRY(self.start_network());
    HV_TRY(self.start_main_job(std::move(client), std::move(request->buffered)));
    HV_TRY(confine_self(self.spec_.watch_workspace ? self.spec_.workspace : "",
                        (self.spec_.ground.host_root && self.spec_.keep_preimages) || self.disk_));
    if (self.host_sync_) self.host_sync_->begin("/workspace");
    if (self.upper_watch_) self.upper_watch_->begin();
    return self.serve_events();
  };
  Status served = start();
  if (!served) self.fail_launch(served.error(), std::move(client));
  return served ? 0 : 125;
}

// The directory is the truth about the sandbox: whoever holds `lock` is its supervisor.
Status Supervisor::take_state() {
  state_directory_ = HV_TRY(base::open_file(spec_.state_directory, O_RDONLY | O_DIRECTORY));
  lock_ = HV_TRY(base::open_file("lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, state_directory_.get()));
  // The last supervisor of this sandbox may still be on its way out; another that lives does not let go.
  for (int attempt = 0; ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (attempt == 1000) return Failure(base::conflict("sandbox '" + spec_.name + "' is already running"));
    ::poll(nullptr, 0, 2);
  }
  // A daemon that came after the one that asked for this has found the lock free, and takes the sandbox for stopped.
  pollfd asked_by{daemons_.begin()->first, POLLIN, 0};
  if (::poll(&asked_by, 1, 0) > 0 && (asked_by.revents & POLLHUP) != 0)
    return Failure(
        base::unavailable("the daemon ended while sandbox '" + spec_.name + "' started").with_hint("start it again"));
  return {};
}

Status Supervisor::open_state() {
  int state = state_directory_.get();
  spool_ = HV_TRY(shimwire::SpoolWriter::open(state, base::system_clock()));
  ::unlinkat(state, "control.sock", 0);
  control_listener_ = HV_TRY(base::listen_unix(spec_.state_directory + "/control.sock", SOCK_SEQPACKET));
  if (!spec_.log_path.empty()) log_ = HV_TRY(base::open_file(spec_.log_path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600));
  for (const core::Mount& mount : spec_.mounts) {
    bool workspace =
        mount.kind == core::Mount::Kind::overlay && mount.upper.starts_with(spec_.state_directory + "/workspace");
    if (workspace) uppers_.push_back(HV_TRY(base::open_file(mount.upper + "/upper", O_RDONLY | O_DIRECTORY)));
  }
  if (spec_.keep_preimages)
    live_.emplace(HV_TRY(LiveWatch::open(spec_.workspace, spec_.state_directory + "/workspace")));
  open_upper_watch();
  if (spec_.watch_workspace) HV_TRY(open_host_sync());
  return open_limits();
}

// Nothing depends on it: the look after the stop tells all, so that a sandbox starts without it too.
void Supervisor::open_upper_watch() {
  std::vector<UpperWatch::Place> places;
  for (const core::Mount& mount : spec_.mounts)
    if (mount.kind == core::Mount::Kind::overlay && mount.upper.starts_with(spec_.state_directory + "/workspace"))
      places.push_back({mount.upper + "/upper", mount.source, mount.target});
  // Nobody looks at what is not to be recorded.
  if (places.empty() || !spec_.audit.files) return;
  UpperWatch::Hooks hooks;
  hooks.record = [this](const monitor::FileSeen& seen) -> Status {
    monitor::Record told = seen;
    if (!discretion_.apply(told)) return {};
    if (auto written = spool_->append(SpoolFamily::monitor, monitor::encode(told)); !written)
      return Failure(std::move(written).error());
    announce_records();
    return {};
  };
  hooks.gap = [this](const std::string& reason) { note("workspace.unseen", {{"reason", reason}}); };
  auto opened = UpperWatch::open(loop_, places, std::move(hooks));
  if (opened) {
    upper_watch_ = *std::move(opened);
  } else {
    note("workspace.unseen", {{"reason", opened.error().message()}});
  }
}

Status Supervisor::open_host_sync() {
  HostSync::Hooks hooks;
  hooks.import = [this](const shimwire::ImportRequest& request, int file) {
    std::vector<int> fds;
    if (file >= 0) fds.push_back(file);
    if (upper_watch_) upper_watch_->expect_host(request.path);
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

Status Supervisor::launch_sandbox(std::optional<Result<Launch>> prepared, Fd user_namespace) {
  if (!prepared) prepared = Launch::prepare(spec_.ground, std::move(user_namespace));
  Launch launch = HV_TRY(*std::move(prepared));
  init_ = HV_TRY(std::move(launch).finish(spec_));
  return {};
}

// The gateway is started before the supervisor gives up the right to execute.
Status Supervisor::start_network() {
  bool needs_gateway = !spec_.host_ports.empty() || core::opens_network(spec_.egress);
  if (!needs_gateway || core::skips(spec_.ground, core::Layer::network_namespace)) return {};
  Network::Hooks hooks;
  hooks.record = [this](SpoolFamily family, const std::string& payload) -> Status {
    Result<uint64_t> appended = spool_->append(family, payload);
    if (!appended) return Failure(std::move(appended).error());
    announce_records();
    return {};
  };
  hooks.lost = [this](const std::string& reason) {
    if (finished_) return;
    degraded_.push_back("the sandbox has no network, because its gateway has ended: " + reason);
    note("sandbox.network_lost", {{"reason", reason}});
  };
  if (!gateway_) gateway_.emplace(HV_TRY(GatewayProcess::start()));
  network_ = HV_TRY(Network::start(loop_, spec_, {init_.control.get(), init_.pid}, state_directory_.get(),
                                   *std::move(gateway_), discretion_, std::move(hooks)));
  gateway_.reset();
  return {};
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
    finish(stopping_.value_or(Outcome{Outcome::Kind::signalled, SIGKILL, "the sandbox's init was killed"}), Left::none);
  }));
  HV_TRY(base::set_nonblocking(control_listener_.get(), true));
  HV_TRY(loop_.watch(control_listener_.get(), EPOLLIN, [this](uint32_t) { accept_daemon(); }));
  begin_limits();
  return loop_.run();
}

void Supervisor::record(SpoolFamily family, const std::string& payload) {
  // What has already happened cannot be held back; the gap shows as a missing exit in the ledger.
  if (spool_->append(family, payload)) announce_records();
}

void Supervisor::note(std::string_view kind, base::json::Object payload) {
  record(SpoolFamily::note, discretion_.written(base::json::Object{{"kind", kind}, {"payload", std::move(payload)}}));
}

// The call goes on either way: a full disk must not stop the agent, but it is told that undo will miss something.
void Supervisor::before_write(const monitor::WriteIntent& intent, const workspace::LinkReader& links) {
  Status kept = live_->before(intent, links);
  if (kept || std::exchange(told_not_kept_, true)) return;
  degraded_.push_back("undo will miss some of the changes: " + kept.error().message());
  note("workspace.not_kept", {{"reason", kept.error().message()}});
}

void Supervisor::tell_launched() {
  if (std::exchange(told_launched_, true)) return;
  tell_daemons(FromSupervisor::launched, shimwire::encode(status()));
}

bool Supervisor::workspace_changed() const {
  return (live_ && live_->holds_anything()) || std::ranges::any_of(uppers_, holds_entries);
}

void Supervisor::end_init() {
  ::syscall(SYS_pidfd_send_signal, init_.pidfd.get(), SIGKILL, nullptr, 0);
  // The kernel lets PID 1 go only after everything else in its namespace.
  while (::waitpid(init_.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// The daemon learns of the end before the front end does, so that what a person types next finds a sandbox that has
// ended.
void Supervisor::finish(Outcome outcome, Left left, std::optional<MainEnd> main_end) {
  if (std::exchange(finished_, true)) return;
  // What still runs could change the workspace after the look at it.
  if (left == Left::processes) end_init();
  if (watch_) watch_->flush();
  if (upper_watch_) upper_watch_->flush();
  if (network_) network_->finish();
  outcome = explained(std::move(outcome));
  if (!main_end && was_ended(outcome.kind)) main_end.emplace();
  if (main_end && was_ended(outcome.kind)) main_end->status = outcome.exit_code();
  if (main_end && main_end->problem.empty() && !outcome.detail.empty() && outcome.kind != Outcome::Kind::stopped)
    main_end->problem = limit_problem(spec_, outcome);
  tell_launched();
  bool changed = workspace_changed();
  bool client_attached = std::ranges::any_of(jobs_, [](const auto& item) { return item.second->has_client(); });
  shimwire::Ended ended{outcome, changed, spool_->last_sequence(), client_attached};
  std::string body = shimwire::encode(ended);
  // The daemon may be dead: then this file is how the next one learns.
  int state = state_directory_.get();
  Result<Fd> file = base::open_file("outcome.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, state);
  if (file && base::write_all(file->get(), body)) ::renameat(state, "outcome.new", state, "outcome");
  ::unlinkat(state, "control.sock", 0);
  tell_daemons(FromSupervisor::ended, body);
  for (auto& [number, job] : jobs_) {
    bool main = number == kMainJob;
    int status = main && main_end ? main_end->status : outcome.exit_code();
    job->end(status, main && changed, main && main_end ? main_end->problem : "");
  }
  jobs_.clear();
  // Not before everything inside has died does this process go, and its going is what the daemon waits for to take the
  // directory away.
  if (left == Left::none) end_init();
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
