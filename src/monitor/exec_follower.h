// Looks again at processes a moment after they asked to run a program, when the kernel shows what they really run. A
// process that has ended by then leaves its claim alone.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "monitor/monitor.h"

namespace hv::monitor {

class ExecFollower {
 public:
  // Long enough for an execve to have happened, short enough to meet most programs alive.
  static constexpr std::chrono::nanoseconds delay = std::chrono::milliseconds(2);
  static constexpr size_t most_waiting = 1024;

  // Called when an exec attempt was let through. Beyond most_waiting the oldest is given up.
  void attempted(pid_t pid, base::MonotonicTime now);
  std::vector<ExecObserved> take_due(const Monitor& monitor, base::MonotonicTime now);
  std::optional<base::MonotonicTime> next_due() const;

 private:
  struct Waiting {
    pid_t pid;
    base::MonotonicTime since;
  };
  std::deque<Waiting> waiting_;
};

}  // namespace hv::monitor
