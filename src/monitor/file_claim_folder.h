// Bounds what a sandbox can have recorded by changing files: the same claim again is counted, and past a rate the
// others are counted together. What was left out here is found again when the sandbox stops, where the files lie.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "monitor/record.h"

namespace hv::monitor {

struct FileClaimLimits {
  std::chrono::nanoseconds window =
      std::chrono::seconds(1);  // how long repetitions are counted before they are written
  size_t singles = 500;         // claims written at once within a window
  size_t tracked = 128;         // different claims that are watched for repetition
};

class FileClaimFolder {
 public:
  explicit FileClaimFolder(FileClaimLimits limits = {}) : limits_(limits) {}

  // The record to write now; nothing when the claim was counted instead.
  std::optional<FileClaim> add(const FileClaim& claim, base::MonotonicTime now);
  // The counts whose window has ended, or all of them, at the sandbox's end.
  std::vector<FileClaim> take_due(base::MonotonicTime now);
  std::vector<FileClaim> take_all();
  std::optional<base::MonotonicTime> next_due() const;

 private:
  struct Entry {
    FileClaim claim;
    uint64_t count = 0;  // what has not been written yet
    base::MonotonicTime since{};
  };
  FileClaimLimits limits_;
  std::vector<Entry> entries_;   // the oldest first
  std::optional<Entry> others_;  // several paths; the last one's kind and call
  base::MonotonicTime singles_since_{};
  size_t singles_ = 0;
};

}  // namespace hv::monitor
