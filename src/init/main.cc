// PID 1 of a sandbox: takes the last privileges away from itself and all that follow, hands the seccomp listener out,
// starts what it is told to, reaps. It trusts its supervisor, holds nothing of the host, and nothing ever enters the
// sandbox but through it.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/construction.h"
#include "init/import_file.h"
#include "init/job.h"
#include "init/setup.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"

namespace hv::init {

namespace {

using shimwire::FromInit;
using shimwire::ToInit;

// The socket to the supervisor, inherited.
constexpr int kSupervisor = 3;

class Init {
 public:
  // Runs until the supervisor goes away. The return value is the process's exit code.
  int run();

 private:
  base::Status set_up();
  base::Status handle(shimwire::Packet packet);
  base::Status start(const shimwire::Packet& packet);
  void send_sockets(const std::vector<isolation::OpenedSocket>& sockets);
  void reap();
  void send(FromInit type, const std::string& body, const std::vector<int>& fds = {}) {
    // A supervisor that cannot be reached is dying, and takes this process with it.
    if (!shimwire::send_packet(kSupervisor, static_cast<uint8_t>(type), body, fds)) ::_exit(1);
  }

  std::map<pid_t, uint64_t> jobs_;
  std::map<uint64_t, pid_t> pids_;
};

template <typename Message>
base::Result<std::pair<Message, std::vector<base::Fd>>> receive(ToInit expected) {
  shimwire::Packet packet = HV_TRY(shimwire::receive_packet(kSupervisor));
  if (packet.type != static_cast<uint8_t>(expected))
    return base::Failure(base::invalid_argument("malformed message between Hydravisor's processes"));
  return std::pair(HV_TRY(shimwire::decode<Message>(packet.body)), std::move(packet.fds));
}

// A message holds only so many descriptors.
void Init::send_sockets(const std::vector<isolation::OpenedSocket>& sockets) {
  constexpr size_t kMost = 24;
  for (size_t first = 0; first < sockets.size(); first += kMost) {
    size_t end = std::min(first + kMost, sockets.size());
    shimwire::InitListeners message;
    std::vector<int> fds;
    for (size_t i = first; i < end; ++i) {
      message.uses += static_cast<char>(sockets[i].use);
      fds.push_back(sockets[i].socket.get());
    }
    message.more = end < sockets.size();
    send(FromInit::listeners, shimwire::encode(message), fds);
  }
}

base::Status Init::set_up() {
  auto [ground, ground_sources] = HV_TRY(receive<shimwire::InitGround>(ToInit::ground));
  Construction construction = HV_TRY(Construction::begin(std::move(ground), std::move(ground_sources)));
  // A spare one waits here until somebody asks for a sandbox, or until its supervisor ends.
  auto [setup, descriptors] = HV_TRY(receive<shimwire::InitSetup>(ToInit::setup));
  Confinement confinement;
  confinement.skipped_layers = construction.ground().skipped_layers;
  confinement.allow_nested = construction.ground().allow_nested;
  confinement.seccomp_program = std::move(setup.seccomp_program);
  confinement.restrict_exec = setup.restrict_exec;
  confinement.executable = std::move(setup.executable);
  confinement.writable = writable_paths(construction.ground().mounts, setup.mounts);
  auto pass_out = [this](const std::vector<isolation::OpenedSocket>& sockets) { send_sockets(sockets); };
  HV_TRY(std::move(construction).complete(setup, std::move(descriptors), pass_out));
  // Again: the change of ids made it what fs.suid_dumpable says.
  ::prctl(PR_SET_DUMPABLE, 0);
  Privileges given_up = HV_TRY(give_up_privileges(confinement));
  std::vector<int> fds;
  if (given_up.listener) fds.push_back(given_up.listener.get());
  send(FromInit::ready, shimwire::encode(shimwire::InitReady{given_up.enforced, given_up.degraded}), fds);
  return {};
}

base::Status Init::start(const shimwire::Packet& packet) {
  shimwire::StartJob request = HV_TRY(shimwire::decode<shimwire::StartJob>(packet.body));
  base::Result<StartedJob> started = start_job(request.command, packet.fds);
  if (!started) {
    send(FromInit::exited,
         shimwire::encode(shimwire::JobExited{request.job, 127 << 8, EIO, started.error().message(), false}));
    return {};
  }
  if (started->error_number != 0) {
    ::waitpid(started->pid, nullptr, 0);
    int code = started->error_number == ENOENT || started->error_number == ENOTDIR ? 127 : 126;
    send(FromInit::exited, shimwire::encode(shimwire::JobExited{request.job, code << 8, started->error_number,
                                                                started->failed_step, false}));
    return {};
  }
  jobs_[started->pid] = request.job;
  pids_[request.job] = started->pid;
  std::vector<int> fds;
  if (started->terminal) fds.push_back(started->terminal.get());
  send(FromInit::started, shimwire::encode(shimwire::JobStarted{request.job, started->pid}), fds);
  return {};
}

base::Status Init::handle(shimwire::Packet packet) {
  switch (static_cast<ToInit>(packet.type)) {
    case ToInit::start:
      return start(packet);
    case ToInit::signal: {
      shimwire::SignalJob request = HV_TRY(shimwire::decode<shimwire::SignalJob>(packet.body));
      auto found = pids_.find(request.job);
      if (found != pids_.end()) ::kill(request.group ? -found->second : found->second, request.number);
      return {};
    }
    case ToInit::import_file: {
      shimwire::ImportRequest request = HV_TRY(shimwire::decode<shimwire::ImportRequest>(packet.body));
      base::Status imported = import_file(request, packet.fds.size() == 1 ? packet.fds[0].get() : -1);
      send(FromInit::imported,
           shimwire::encode(imported ? shimwire::Problem{} : shimwire::to_problem(imported.error())));
      return {};
    }
    case ToInit::ground:
    case ToInit::setup:
      break;
  }
  return base::Failure(base::invalid_argument("malformed message between Hydravisor's processes"));
}

// Orphans become ours and are reaped without a word; jobs are reported.
void Init::reap() {
  std::vector<shimwire::JobExited> ended;
  int status = 0;
  pid_t pid;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    auto found = jobs_.find(pid);
    if (found == jobs_.end()) continue;
    ended.push_back({found->second, status, 0, {}, false});
    pids_.erase(found->second);
    jobs_.erase(found);
  }
  // Whose parent ends becomes a child of this process, so one without children is alone.
  bool alone = pid < 0 && errno == ECHILD;
  for (shimwire::JobExited& exited : ended) {
    exited.alone = alone;
    send(FromInit::exited, shimwire::encode(exited));
  }
}

int Init::run() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_DUMPABLE, 0);
  // It had to survive one exec and must not survive another: with it a program could speak as init.
  if (!base::set_cloexec(kSupervisor, true)) return 1;
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &children, nullptr);
  base::Fd signals(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (base::Status ready = set_up(); !ready) {
    send(FromInit::failed, shimwire::encode(shimwire::to_problem(ready.error())));
    return 125;
  }
  for (;;) {
    std::array<pollfd, 2> polled{pollfd{kSupervisor, POLLIN, 0}, pollfd{signals.get(), POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return 1;
    if ((polled[1].revents & POLLIN) != 0) {
      signalfd_siginfo drained;
      while (::read(signals.get(), &drained, sizeof drained) > 0) {
      }
      reap();
    }
    if (polled[0].revents == 0) continue;
    base::Result<shimwire::Packet> packet = shimwire::receive_packet(kSupervisor);
    // Without a supervisor the sandbox ends at once; the kernel kills the rest of the PID namespace with this process.
    if (!packet || !handle(*std::move(packet))) return 1;
  }
}

}  // namespace

}  // namespace hv::init

int main() {
  return hv::init::Init().run();
}
