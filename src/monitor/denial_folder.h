// Keeps a program that repeats refused calls from filling the spool: the first call of a process is recorded at once,
// its repetitions are counted and recorded together, and past a rate the processes are folded into one as well. Nothing
// is lost but the single moments.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "monitor/record.h"

namespace hv::monitor {

struct FoldLimits {
  std::chrono::nanoseconds window =
      std::chrono::seconds(1);  // how long repetitions are counted before they are written
  size_t singles = 64;          // first calls written at once within a window
  size_t tracked = 64;          // different (process, call) pairs counted at a time
};

class DenialFolder {
 public:
  explicit DenialFolder(FoldLimits limits = {}) : limits_(limits) {}

  // The record to write now; nothing when the call was counted instead.
  std::optional<DeniedCall> add(const DeniedCall& call, base::MonotonicTime now);
  // The counts whose window has ended.
  std::vector<DeniedCall> take_due(base::MonotonicTime now);
  // All counts, at the sandbox's end.
  std::vector<DeniedCall> take_all();
  // When take_due has something next; a timer for the caller.
  std::optional<base::MonotonicTime> next_due() const;

 private:
  struct Entry {
    DeniedCall repeated;  // the last call seen; count is what has not been written yet
    base::MonotonicTime since{};
  };
  Entry* find(const DeniedCall& call);
  void count(const DeniedCall& call, base::MonotonicTime now);

  FoldLimits limits_;
  std::vector<Entry> entries_;  // the oldest first
  base::MonotonicTime singles_since_{};
  size_t singles_ = 0;
};

}  // namespace hv::monitor
