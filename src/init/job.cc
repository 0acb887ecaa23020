#include "init/job.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace hv::init {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;

struct Terminal {
  Fd master;
  Fd slave;
};

Result<Terminal> open_terminal(uint16_t rows, uint16_t columns) {
  Fd master = HV_TRY(base::open_file("/dev/ptmx", O_RDWR | O_NOCTTY));
  int unlock = 0;
  if (::ioctl(master.get(), TIOCSPTLCK, &unlock) != 0) return Failure(Error::from_errno(errno, "unlock the terminal"));
  Fd slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return Failure(Error::from_errno(errno, "open the terminal's other side"));
  winsize size{rows != 0 ? rows : uint16_t{24}, columns != 0 ? columns : uint16_t{80}, 0, 0};
  ::ioctl(master.get(), TIOCSWINSZ, &size);
  return Terminal{std::move(master), std::move(slave)};
}

// Where execvp(3) would look, in its order.
std::vector<std::string> candidates(const core::Command& command) {
  const std::string& program = command.arguments[0];
  if (program.find('/') != std::string::npos) return {program};
  std::string path = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& variable : command.environment)
    if (variable.starts_with("PATH=")) path = variable.substr(5);
  std::vector<std::string> found;
  for (const std::string& directory : base::split(path, ':'))
    found.push_back((directory.empty() ? "." : directory) + "/" + program);
  return found;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// Everything the child needs, made before vfork: until it executes, the child runs in its parent's memory and must not
// allocate.
struct Prepared {
  std::vector<std::string> programs;
  std::vector<char*> arguments;  // "/bin/sh" and then argv: a script without an interpreter line is run by the shell
  std::vector<char*> environment;
  const char* directory = nullptr;
  std::array<int, 3> standard{};
  bool terminal = false;
  mode_t umask = 022;
  const std::vector<core::Rlimit>* limits = nullptr;
  volatile int error_number = 0;
  const char* volatile failed_step = "";
};

[[noreturn]] void give_up(Prepared& job, const char* step, int error_number) {
  job.failed_step = step;
  job.error_number = error_number;
  ::_exit(127);
}

[[noreturn]] void become(Prepared& job) {
  ::setsid();
  if (job.terminal && ::ioctl(job.standard[0], TIOCSCTTY, 0) != 0) give_up(job, "take the terminal", errno);
  for (int target = 0; target < 3; ++target)
    if (::dup2(job.standard[target], target) < 0) give_up(job, "connect standard input and output", errno);
  for (int number = 1; number < 65; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(job.umask);
  for (const core::Rlimit& limit : *job.limits) {
    // A hard limit cannot be raised again without privilege; then the one in force stays.
    rlimit value{limit.soft, limit.hard};
    ::setrlimit(static_cast<__rlimit_resource>(limit.resource), &value);
  }
  if (job.directory != nullptr && ::chdir(job.directory) != 0) give_up(job, "change directory", errno);
  int error_number = ENOENT;
  for (const std::string& program : job.programs) {
    ::execve(program.c_str(), job.arguments.data() + 1, job.environment.data());
    if (errno == ENOEXEC) {
      job.arguments[1] = const_cast<char*>(program.c_str());
      ::execve("/bin/sh", job.arguments.data(), job.environment.data());
    }
    bool try_next = errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    if (errno != ENOENT && errno != ENOTDIR) error_number = errno;
    if (!try_next) break;
  }
  give_up(job, "execute", error_number);
}

}  // namespace

Result<StartedJob> start_job(const core::Command& command, const std::vector<Fd>& standard) {
  if (command.arguments.empty()) return Failure(base::invalid_argument("the command is empty"));
  StartedJob started;
  Prepared job;
  job.programs = candidates(command);
  job.arguments = pointers(command.arguments);
  job.arguments.insert(job.arguments.begin(), const_cast<char*>("/bin/sh"));
  job.environment = pointers(command.environment);
  job.umask = command.umask & 0777;
  job.limits = &command.limits;
  job.directory = command.directory.empty() ? nullptr : command.directory.c_str();
  Terminal terminal;
  if (command.terminal) {
    terminal = HV_TRY(open_terminal(command.rows, command.columns));
    job.terminal = true;
    job.standard.fill(terminal.slave.get());
  } else {
    if (standard.size() != 3) return Failure(base::internal_error("start a command: three descriptors expected"));
    std::ranges::transform(standard, job.standard.begin(), [](const Fd& fd) { return fd.get(); });
  }
  // Signals stay blocked until the child has its own dispositions: a handler must not run in the shared memory.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = ::vfork();
  if (pid == 0) become(job);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return Failure(Error::from_errno(errno, "start", command.arguments[0]));
  started.pid = pid;
  started.terminal = std::move(terminal.master);
  started.error_number = job.error_number;
  started.failed_step = job.failed_step;
  return started;
}

}  // namespace hv::init
