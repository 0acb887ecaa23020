// Looks again at processes after they asked to run a program, when the kernel shows what they really run. That it does
// is told by the process's memory, which is a new one then: on a busy machine it can take a while, and a request that
// failed is never followed by one. A process that has ended by then leaves its claim alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "monitor/monitor.h"

namespace hv::monitor {

class ExecFollower {
 public:
  // Long enough for an execve to have happened, short enough to meet most programs alive. Then again after twice as
  // long, up to the last look.
  static constexpr std::chrono::nanoseconds delay = std::chrono::milliseconds(2);
  static constexpr std::chrono::nanoseconds last_look = std::chrono::seconds(2);
  static constexpr size_t most_waiting = 1024;

  // Called when an exec attempt was let through; `image` is what Monitor::image_of said before, 0 where it is not
  // known. Beyond most_waiting the one that is due first is given up.
  void attempted(pid_t pid, uint64_t image, base::MonotonicTime now);
  std::vector<ExecObserved> take_due(const Monitor& monitor, base::MonotonicTime now);
  std::optional<base::MonotonicTime> next_due() const;

 private:
  struct Waiting {
    pid_t pid;
    uint64_t image;
    std::chrono::nanoseconds waited;
  };
  std::multimap<base::MonotonicTime, Waiting> waiting_;  // by when they are due
};

}  // namespace hv::monitor
