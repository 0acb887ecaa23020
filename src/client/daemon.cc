#include "client/daemon.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/unix_socket.h"
#include "http/client.h"

namespace hv::client {

namespace {

using base::Error;
using base::ErrorCode;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

std::string directory_of(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// Whose socket it is: the credentials are those of the process that called listen(2).
Status check_owner(int socket, const std::string& path) {
  base::PeerCredentials peer = HV_TRY(base::peer_credentials(socket));
  if (peer.uid == ::geteuid() || peer.uid == 0) return {};
  return Failure(
      base::denied("the socket " + path + " is served by a process of user " + std::to_string(peer.uid) +
                   ", not by yours")
          .with_hint("nothing was sent to it; remove the socket or set XDG_RUNTIME_DIR to a directory of your own"));
}

Error silent(const std::string& path, pid_t pid) {
  std::string who = pid > 0 ? "process " + std::to_string(pid) : "whatever listens there";
  return Error(ErrorCode::timeout, "the daemon on " + path + " does not answer")
      .with_hint("end " + who + (pid > 0 ? " (kill " + std::to_string(pid) + ")" : "") +
                 ", and the next command starts a new daemon; running sandboxes go on meanwhile");
}

// nullopt: nobody listens there.
Result<std::optional<Fd>> try_connect(const Access& access) {
  const std::string& path = access.socket;
  auto socket = base::connect_unix(path, SOCK_STREAM, access.sign_of_life);
  if (!socket && socket.error().code() == ErrorCode::timeout) return Failure(silent(path, 0));
  if (!socket) {
    int error = socket.error().os_error();
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR) return std::nullopt;
    return Failure(std::move(socket).error().with_context("reach the daemon"));
  }
  HV_TRY(check_owner(socket->get(), path));
  return std::optional<Fd>(*std::move(socket));
}

// A directory that somebody else can write to would let them put their own socket there.
Status make_private_directory(const std::string& path) {
  HV_TRY(base::make_directories(path));
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return Failure(Error::from_errno(errno, "look at", path));
  if (status.st_uid == ::geteuid() || status.st_uid == 0) return {};
  return Failure(base::denied("the directory " + path + " belongs to user " + std::to_string(status.st_uid))
                     .with_hint("set XDG_RUNTIME_DIR to a directory of your own"));
}

Result<Fd> take_lock(const std::string& path) {
  Fd lock = HV_TRY(base::open_file(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) return Failure(Error::from_errno(errno, "lock", path));
  return lock;
}

struct Spawned {
  pid_t pid = -1;
  Fd pidfd;
};

// In a session of its own, so that Ctrl-C here does not reach it, with nothing of ours but the environment it is given.
Result<Spawned> spawn_daemon(const Access& access, const std::string& log, const Fd& lock) {
  std::vector<char*> environment;
  for (const std::string& variable : access.environment) environment.push_back(const_cast<char*>(variable.c_str()));
  environment.push_back(nullptr);
  std::string starting = "--starting";
  std::array<char*, 3> arguments{const_cast<char*>(access.program.c_str()), starting.data(), nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  ::posix_spawn_file_actions_addchdir_np(&actions, "/");
  ::posix_spawn_file_actions_adddup2(&actions, lock.get(), 3);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 4);
  sigset_t set;
  sigfillset(&set);
  ::posix_spawnattr_setsigdefault(&attributes, &set);
  sigemptyset(&set);
  ::posix_spawnattr_setsigmask(&attributes, &set);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  Spawned spawned;
  int error =
      ::posix_spawn(&spawned.pid, access.program.c_str(), &actions, &attributes, arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return Failure(Error::from_errno(error, "start the daemon", access.program));
  spawned.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, spawned.pid, 0)));
  return spawned;
}

Error start_failure(const std::string& what, const std::string& log) {
  std::string words;
  if (auto text = base::read_file(log, 1 << 20)) words = *text;
  while (words.ends_with('\n')) words.pop_back();
  struct statvfs space{};
  if (words.empty() && ::statvfs(log.c_str(), &space) == 0 && space.f_bavail == 0)
    return Error(ErrorCode::unavailable,
                 "the daemon " + what + ", and " + directory_of(log) + ": No space left on device")
        .with_hint("free some, or set XDG_RUNTIME_DIR and XDG_STATE_HOME to directories with room");
  if (words.size() > 2000) words = words.substr(words.size() - 2000);
  return base::unavailable("the daemon " + what + (words.empty() ? "" : ": " + base::printable_lines(words)))
      .with_hint("run hydravisor daemon run to see it happen, or hydravisor doctor");
}

// Waits for the socket to answer while `spawned` lives. Looks again after 1 ms, then more and more seldom up to 20 ms.
Result<Fd> await(const Access& access, const Spawned* spawned, const std::string& log) {
  auto deadline = base::system_clock().monotonic() + access.start_timeout;
  int pause = 1;
  while (true) {
    std::optional<Fd> socket = HV_TRY(try_connect(access));
    if (socket) return *std::move(socket);
    if (base::system_clock().monotonic() > deadline) return Failure(start_failure("did not answer in time", log));
    pollfd child{spawned != nullptr ? spawned->pidfd.get() : -1, POLLIN, 0};
    if (::poll(&child, 1, pause) > 0) {
      int status = 0;
      ::waitpid(spawned->pid, &status, 0);
      // Another one may have been faster, started by somebody else.
      socket = HV_TRY(try_connect(access));
      if (socket) return *std::move(socket);
      return Failure(start_failure("ended while it started", log));
    }
    pause = std::min(pause * 2, 20);
  }
}

}  // namespace

std::vector<std::string> daemon_environment(const std::vector<std::string>& environment) {
  constexpr std::array kNames{"HOME",
                              "USER",
                              "LOGNAME",
                              "PATH",
                              "LANG",
                              "DBUS_SESSION_BUS_ADDRESS",
                              "CONTAINERD_ADDRESS",
                              "TMPDIR",
                              "LC_ALL",
                              "LC_CTYPE",
                              "LIBVIRT_DEFAULT_URI"};
  std::vector<std::string> kept;
  for (const std::string& variable : environment) {
    std::string_view name = std::string_view(variable).substr(0, variable.find('='));
    bool wanted = name.starts_with("XDG_") || name.starts_with("HYDRAVISOR_");
    for (const char* known : kNames) wanted |= name == known;
    if (wanted) kept.push_back(variable);
  }
  return kept;
}

Result<std::string> find_program(std::string_view name) {
  std::array<char, 4096> self{};
  ssize_t length = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  if (length < 0) return Failure(Error::from_errno(errno, "read", "/proc/self/exe"));
  std::string directory = directory_of(std::string(self.data(), static_cast<size_t>(length)));
  std::string beside = directory + "/" + std::string(name);
  if (::access(beside.c_str(), X_OK) == 0) return beside;
  return Failure(base::not_found("find " + std::string(name) + ": " + beside + " does not exist")
                     .with_hint("install Hydravisor's programs together"));
}

Result<Fd> connect_daemon(const Access& access) {
  std::optional<Fd> socket = HV_TRY(try_connect(access));
  if (socket) return *std::move(socket);
  if (access.program.empty())
    return Failure(
        base::unavailable("no daemon listens on " + access.socket).with_hint("start it: hydravisor daemon run"));
  HV_TRY(make_private_directory(directory_of(access.socket)));
  // Whoever holds the lock starts the daemon; the others find it when they get the lock.
  Fd lock = HV_TRY(take_lock(access.socket + ".lock"));
  socket = HV_TRY(try_connect(access));
  if (socket) return *std::move(socket);
  std::string log = access.socket + ".log";
  Spawned spawned = HV_TRY(spawn_daemon(access, log, lock));
  return await(access, &spawned, log);
}

Status check_alive(const Access& access) {
  std::optional<Fd> socket = HV_TRY(try_connect(access));
  // Then the silent connection breaks off too, and says so better.
  if (!socket) return {};
  pid_t pid = HV_TRY(base::peer_credentials(socket->get())).pid;
  http::Patience once{access.sign_of_life, [&] { return Status(Failure(silent(access.socket, pid))); }};
  // One that closes the connection unasked gives no sign of life either.
  if (!http::ClientConnection(*std::move(socket), std::move(once)).open({"GET", "/v1/version", {}, {}}))
    return Failure(silent(access.socket, pid));
  return {};
}

Result<std::optional<Fd>> hold_off_starts(const Access& access) {
  struct stat status{};
  if (::stat(directory_of(access.socket).c_str(), &status) != 0 && errno == ENOENT) return std::nullopt;
  return HV_TRY(take_lock(access.socket + ".lock"));
}

bool daemon_lives(const Access& access) {
  Result<Fd> lock = base::open_file(directory_of(access.socket) + "/daemon.lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  return lock && ::flock(lock->get(), LOCK_SH | LOCK_NB) != 0;
}

Result<Fd> reconnect_daemon(const Access& access) {
  return await(access, nullptr, access.socket + ".log");
}

}  // namespace hv::client
