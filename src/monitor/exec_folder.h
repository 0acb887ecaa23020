// Bounds what a sandbox can have recorded by asking to run programs: an agent that fails to start one a million times,
// with long arguments, must not fill the disk. A process that asks for the same program again is counted; past a budget
// of bytes, which an ordinary build does not use up, arguments are cut, and then requests are counted together. Nothing
// is lost but the single moments and arguments.
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
      std::chrono::seconds(1);           // how long repetitions are counted before they are written
  size_t burst = size_t{32} << 20;       // bytes of records that may be written at once
  size_t per_second = size_t{32} << 10;  // and as the budget comes back
  size_t tracked = 64;                   // different (process, program) pairs counted at a time
  size_t cut_arguments = 128;            // bytes of arguments in a record that is cut
};

class ExecFolder {
 public:
  explicit ExecFolder(ExecLimits limits = {}) : limits_(limits), budget_(limits.burst) {}

  // The record to write now; nothing when the request was counted instead.
  std::optional<ExecAttempt> add(const ExecAttempt& attempt, base::MonotonicTime now);
  // The counts whose window has ended, or all of them, at the sandbox's end.
  std::vector<ExecFolded> take_due(base::MonotonicTime now);
  std::vector<ExecFolded> take_all();
  std::optional<base::MonotonicTime> next_due() const;

 private:
  struct Entry {
    ExecFolded repeated;  // count is what has not been written yet
    base::MonotonicTime since{};
  };
  void refill(base::MonotonicTime now);
  bool pay(size_t bytes);

  ExecLimits limits_;
  size_t budget_;
  base::MonotonicTime refilled_{};
  std::vector<Entry> entries_;
};

}  // namespace hv::monitor
