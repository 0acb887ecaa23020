// What a sandbox's cgroups count, through files that stay open: a look costs one read for each, and goes on working
// where the cgroup file system can no longer be reached.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/fd.h"
#include "isolation/cgroup.h"

namespace hv::isolation {

class CgroupMeter {
 public:
  // `events`: only what tells of kills and refusals.
  enum class Figures { all, events };
  CgroupMeter() = default;
  // A file that is not there is left out: its figures stay zero.
  explicit CgroupMeter(const std::vector<std::string>& directories, Figures figures = Figures::all);

  CgroupUsage read() const;
  // Whether the kernel counts reading and writing of disks for it.
  bool counts_io() const { return static_cast<bool>(io_); }

 private:
  base::Fd memory_;
  base::Fd memory_peak_;
  base::Fd memory_events_;
  base::Fd pids_;
  base::Fd pids_events_;
  base::Fd cpu_stat_;   // version 2: microseconds by key
  base::Fd cpu_usage_;  // version 1: nanoseconds
  base::Fd io_;         // a line for each device
};

// The counters alone, with a key in front of each: "oom_kill 3". Zero when there is none.
uint64_t keyed_number(std::string_view text, std::string_view key);
// Reads and writes of all devices together: version 2's "8:0 rbytes=1 wbytes=2", version 1's "8:0 Read 1".
struct IoBytes {
  uint64_t read = 0;
  uint64_t written = 0;
};
IoBytes io_bytes(std::string_view text);

}  // namespace hv::isolation
