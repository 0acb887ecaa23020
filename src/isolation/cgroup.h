// The cgroups of one sandbox: one directory on version 2, one for each controller on version 1. Made, read and removed
// by the daemon; init joins them itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "core/launch.h"
#include "isolation/cgroup_layout.h"
#include "isolation/io_device.h"

namespace hv::isolation {

struct Unenforced {
  std::string limit;  // "memory", "swap", "pids", "cpu", "io", "buffered io"
  std::string reason;
};

// What creating cgroups for these limits on this machine gives. Pure.
struct CgroupPlan {
  std::vector<std::string> directories;  // LaunchSpec::cgroups
  bool scoped = false;  // the directory is known with the supervisor's scope, and empty until then: lie_in()
  std::string kind;     // "cgroups through systemd", "cgroups of version 1": what keeps the limits; for people
  std::vector<std::string> enforced;  // names of limits
  std::string io_device;              // which disk the limit of reading and writing is about
  bool can_freeze = false;
  bool can_throttle = false;  // Cgroup::limit_cpu() will do something
  std::vector<Unenforced>
      not_enforced;  // a limit that was asked for and cannot hold stops the start, unless the user accepts
};
CgroupPlan plan_cgroups(const CgroupLayout& layout, const std::string& id, const core::Limits& limits,
                        const IoDevice& device = {});
// The sandbox's cgroup is to be made in its supervisor's scope.
void lie_in(CgroupPlan& plan, const std::string& scope, const std::string& id);

// Makes the plan's directories and writes the limits; nothing is left behind on failure. `not_enforced` grows when the
// kernel lacks a file (swap accounting).
base::Status create_cgroups(CgroupPlan& plan, const core::Limits& limits);

// Zero also where the controller is out of reach.
struct CgroupUsage {
  uint64_t memory = 0;  // bytes now
  uint64_t memory_peak = 0;
  uint64_t pids = 0;
  std::chrono::nanoseconds cpu{0};
  uint64_t oom_kills = 0;
  uint64_t pids_refused = 0;  // processes and threads that were one too many
  uint64_t io_read = 0;       // bytes, of all disks
  uint64_t io_written = 0;
};

// Open files through which a single-threaded process puts itself into the cgroups.
struct CgroupEntry {
  std::vector<base::Fd> files;
};
// The calling process joins; before it changes its ids. By writing its own task (version 1): moving a whole process
// costs 10 ms there.
base::Status join_cgroups(const CgroupEntry& entry);

class Cgroup {
 public:
  explicit Cgroup(std::vector<std::string> directories) : directories_(std::move(directories)) {}

  base::Result<CgroupEntry> entry() const;
  // The directory for CLONE_INTO_CGROUP on version 2; an empty descriptor on version 1.
  base::Fd clone_directory() const;

  // unsupported without a freezer. Answer pending notifications first: the version 1 freezer waits for them.
  base::Status freeze() const;
  base::Status thaw() const;
  // Whether every task has stopped.
  base::Result<bool> frozen() const;

  // From now on so many thousandths of a processor; 0: all of them. unsupported where no cgroup counts them.
  base::Status limit_cpu(uint32_t millis) const;

  // SIGKILL for all that is in it; frozen tasks are thawed to die.
  base::Status kill_all() const;
  // Removes the directories; tasks that are still ending are waited for until the deadline, then unavailable. Absent is
  // success.
  base::Status remove(std::chrono::milliseconds deadline) const;

  const std::vector<std::string>& directories() const { return directories_; }

 private:
  std::vector<std::string> directories_;
};

}  // namespace hv::isolation
