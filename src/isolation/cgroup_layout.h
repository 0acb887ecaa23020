// Where this process may make cgroups: version 1, version 2, or both at once, with a reason for every controller that
// is out of reach. Found once by the daemon. cgroups(7).
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

namespace hv::isolation {

// A controller's directory in which sandboxes get their own, or why there is none.
struct ControllerParent {
  std::string path;
  std::string reason;  // set when `path` is empty, for people
  bool unified = false;
};

struct CgroupLayout {
  ControllerParent memory;
  ControllerParent pids;
  ControllerParent cpu;
  ControllerParent freezer;
  ControllerParent cpuacct;
  ControllerParent io;  // version 1 calls it blkio
};

// What is looked at; tests put a tree of their own there.
struct CgroupSources {
  std::string mountinfo = "/proc/self/mountinfo";
  std::string own_cgroups = "/proc/self/cgroup";
  uid_t uid = 0;
  // A version 2 directory that was delegated to us (a unit with Delegate=yes and no process of its own); empty: none.
  // Whoever asks systemd for one hands it in here.
  std::string delegated;
};

// Root uses `hydravisor` at the top of each hierarchy, made here when it is missing. Anybody else uses, in this order:
// the delegated directory (version 2), `hv-user` at the top of the hierarchy when it is writable, and the own cgroup
// when it is.
CgroupLayout find_cgroup_parents(const CgroupSources& sources);

}  // namespace hv::isolation
