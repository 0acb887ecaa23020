// External programs are data before they are processes: never a shell string. posix_spawn(3), pidfd_open(2).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace hv::base {

struct CommandSpec {
  std::string program;                   // a path, or a name looked up in the caller's PATH
  std::vector<std::string> arguments;    // without the program's own name
  std::vector<std::string> environment;  // "K=V"; exactly this, nothing is inherited
  std::string working_directory;         // empty: the caller's
  // Descriptor `first` of the caller becomes `second` of the child. 0-2 not named here are /dev/null; all others are
  // closed.
  std::vector<std::pair<int, int>> fds;
};

struct ExitStatus {
  int code = 0;    // the exit code when `signal` is 0
  int signal = 0;  // what killed it, or 0
  // The shell's convention: code, or 128 + signal.
  int shell_code() const { return signal != 0 ? 128 + signal : code; }
};

// A child with a pidfd. Dropping it kills and reaps the child.
class ChildProcess {
 public:
  ChildProcess(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  // Readable when the child has ended.
  int pidfd() const { return pidfd_.get(); }
  Status signal(int number) const;
  // Blocks until the child ends. After it the object holds no child.
  Result<ExitStatus> wait();
  // Gives up ownership: the child goes on, and is reaped by whoever waits for it.
  pid_t detach() { return std::exchange(pid_, -1); }

 private:
  pid_t pid_;
  Fd pidfd_;
};

// not_found when the program does not exist. The child has default signal dispositions and an empty mask.
Result<ChildProcess> spawn(const CommandSpec& command);

struct CommandOutput {
  ExitStatus status;
  std::string out;
  std::string err;
};
// Runs to the end with `input` on its standard input; at most `limit` bytes of each output are kept. Past the deadline
// it is killed: timeout.
Result<CommandOutput> run_command(CommandSpec command, std::string_view input = {},
                                  std::chrono::milliseconds deadline = std::chrono::seconds(60),
                                  size_t limit = size_t{64} << 20);

}  // namespace hv::base
