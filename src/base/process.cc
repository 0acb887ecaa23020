#include "base/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hv::base {

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status ChildProcess::signal(int number) const {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) != 0)
    return Failure(Error::from_errno(errno, "signal process", std::to_string(pid_)));
  return {};
}

Result<ExitStatus> ChildProcess::wait() {
  int status = 0;
  pid_t reaped;
  do reaped = ::waitpid(pid_, &status, 0);
  while (reaped < 0 && errno == EINTR);
  pid_t pid = std::exchange(pid_, -1);
  if (reaped < 0) return Failure(Error::from_errno(errno, "wait for process", std::to_string(pid)));
  ExitStatus result;
  if (WIFSIGNALED(status)) {
    result.signal = WTERMSIG(status);
  } else {
    result.code = WEXITSTATUS(status);
  }
  return result;
}

Result<ChildProcess> spawn(const CommandSpec& command) {
  std::vector<char*> arguments{const_cast<char*>(command.program.c_str())};
  for (const std::string& argument : command.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (const std::string& entry : command.environment) environment.push_back(const_cast<char*>(entry.c_str()));
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);

  // Targets can collide with sources, so every source first moves above the highest target (close-on-exec), then down
  // to its place.
  int above = 3;
  for (auto [source, target] : command.fds) above = std::max(above, target + 1);
  std::vector<Fd> moved;
  for (auto [source, target] : command.fds) {
    Fd copy(::fcntl(source, F_DUPFD_CLOEXEC, above));
    if (!copy) return Failure(Error::from_errno(errno, "duplicate descriptor for", command.program));
    posix_spawn_file_actions_adddup2(&actions, copy.get(), target);
    moved.push_back(std::move(copy));
  }
  for (int standard = 0; standard <= 2; ++standard) {
    bool given = std::ranges::any_of(command.fds, [standard](const auto& pair) { return pair.second == standard; });
    if (!given)
      posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", standard == 0 ? O_RDONLY : O_WRONLY, 0);
  }
  // Descriptors are all close-on-exec by our habit; this also catches what a library left open. Targets must be
  // contiguous to use it.
  int highest = 2;
  for (auto [source, target] : command.fds) highest = std::max(highest, target);
  if (highest <= 2 + static_cast<int>(command.fds.size()))
    posix_spawn_file_actions_addclosefrom_np(&actions, highest + 1);
  if (!command.working_directory.empty())
    posix_spawn_file_actions_addchdir_np(&actions, command.working_directory.c_str());

  sigset_t empty;
  sigset_t all;
  sigemptyset(&empty);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &empty);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  pid_t pid = -1;
  bool is_path = command.program.find('/') != std::string::npos;
  auto start = is_path ? ::posix_spawn : ::posix_spawnp;
  int error_number = start(&pid, command.program.c_str(), &actions, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error_number != 0) return Failure(Error::from_errno(error_number, "start", command.program));
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return ChildProcess(pid, std::move(pidfd));
}

Result<CommandOutput> run_command(CommandSpec command, std::string_view input, std::chrono::milliseconds deadline,
                                  size_t limit) {
  Pipe in = HV_TRY(make_pipe());
  Pipe out = HV_TRY(make_pipe());
  Pipe err = HV_TRY(make_pipe());
  command.fds.emplace_back(in.read_end.get(), 0);
  command.fds.emplace_back(out.write_end.get(), 1);
  command.fds.emplace_back(err.write_end.get(), 2);
  ChildProcess child = HV_TRY(spawn(command));
  in.read_end.close();
  out.write_end.close();
  err.write_end.close();
  HV_TRY(set_nonblocking(in.write_end.get(), true));
  if (input.empty()) in.write_end.close();

  CommandOutput output;
  auto end = std::chrono::steady_clock::now() + deadline;
  std::array<char, 65536> buffer;
  auto drain = [&](Fd& from, std::string& into) {
    ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    if (count > 0)
      into.append(buffer.data(), std::min(static_cast<size_t>(count), limit - std::min(limit, into.size())));
    if (count == 0 || (count < 0 && errno != EINTR)) from.close();
  };
  while (out.read_end || err.read_end) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Failure(timed_out(command.program + ": did not end in time and was killed"));
    std::array<pollfd, 3> polled{pollfd{out.read_end.get(), POLLIN, 0}, pollfd{err.read_end.get(), POLLIN, 0},
                                 pollfd{in.write_end.get(), POLLOUT, 0}};
    if (::poll(polled.data(), polled.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
      return Failure(Error::from_errno(errno, "wait for", command.program));
    if (polled[0].revents != 0) drain(out.read_end, output.out);
    if (polled[1].revents != 0) drain(err.read_end, output.err);
    if (polled[2].revents != 0) {
      // MSG_NOSIGNAL has no counterpart for pipes: the caller of run_command ignores SIGPIPE.
      ssize_t count = ::write(in.write_end.get(), input.data(), input.size());
      if (count > 0) input.remove_prefix(static_cast<size_t>(count));
      if (input.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) in.write_end.close();
    }
  }
  output.status = HV_TRY(child.wait());
  return output;
}

}  // namespace hv::base
