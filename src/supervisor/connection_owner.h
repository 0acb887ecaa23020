// Which process inside a connection belongs to: its socket's number by sock_diag(7), then who has that number among its
// descriptors. A process that passes its socket on, or ends at once, may not be found; then nothing is said.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/fd.h"
#include "core/egress.h"

namespace hv::supervisor {

class ConnectionOwner {
 public:
  struct Process {
    pid_t pid = 0;
    std::string program;  // what it executes, as it is named inside
  };
  using Clock = std::chrono::steady_clock;

  // `diagnosis` asks about the sandbox's network namespace; `root` is the process all others inside descend from.
  ConnectionOwner(base::Fd diagnosis, pid_t root);

  // About 50 microseconds when the process connected before, and some more for each other that has to be looked at. Of
  // all time a twentieth at most is spent on looking: whoever floods, or hides among thousands of processes, is not
  // found.
  std::optional<Process> find(const core::Flow& flow);

 private:
  bool may_look(Clock::time_point now);
  std::optional<pid_t> search(uint64_t socket, Clock::time_point until);
  bool holds(pid_t pid, uint64_t socket) const;

  base::Fd diagnosis_;
  pid_t root_;
  uint64_t sockets_mount_;
  std::deque<pid_t> recent_;  // that connected, the last one first
  Clock::duration budget_{std::chrono::milliseconds(20)};
  Clock::time_point earned_ = Clock::now();
};

}  // namespace hv::supervisor
