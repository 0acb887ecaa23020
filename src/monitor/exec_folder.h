// Bounds what a sandbox can have recorded by asking to run programs: an agent that fails to start one a million times,
// with long arguments, must not fill the disk. A process that asks for the very same again is counted. Past a budget of
// bytes, which an ordinary build does not use up, arguments are cut and the agent is slowed down to the pace at which
// the budget comes back: what differs is never left out, or a flood could hide what follows it.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "monitor/record.h"

namespace hv::monitor {

struct ExecLimits {
  std::chrono::nanoseconds window =
      std::chrono::seconds(1);            // how long repetitions are counted before they are written
  size_t burst = size_t{64} << 20;        // bytes of records that may be written at once
  size_t per_second = size_t{256} << 10;  // and as the budget comes back; not 0
  size_t tracked = 64;                    // different requests that are watched for repetition at a time
  size_t cut_arguments = 128;             // bytes of arguments in a record that is cut
};

class ExecFolder {
 public:
  explicit ExecFolder(ExecLimits limits = {}) : limits_(limits), budget_(static_cast<int64_t>(limits.burst)) {}

  // The record to write now; nothing when the very same request was counted instead.
  std::optional<ExecAttempt> add(const ExecAttempt& attempt, base::MonotonicTime now);
  // How long the agent has to wait before it is answered, for the budget to be whole again.
  std::chrono::nanoseconds pause(base::MonotonicTime now);
  // The counts whose window has ended, or all of them, at the sandbox's end.
  std::vector<ExecFolded> take_due(base::MonotonicTime now);
  std::vector<ExecFolded> take_all();
  std::optional<base::MonotonicTime> next_due() const;

 private:
  struct Entry {
    ExecAttempt attempt;
    uint64_t count = 0;  // what has not been written yet
    base::MonotonicTime since{};
  };
  void refill(base::MonotonicTime now);

  ExecLimits limits_;
  int64_t budget_;
  base::MonotonicTime refilled_{};
  std::vector<Entry> entries_;  // the oldest first
};

}  // namespace hv::monitor
