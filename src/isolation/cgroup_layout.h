// Where this process may make cgroups: version 1, version 2, or both at once, with a reason for every controller that
// is out of reach. Found once by the daemon. cgroups(7).
#pragma once

#include <optional>
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
  // systemd makes a cgroup for each supervisor below the directories named here, and a sandbox's lies in its
  // supervisor's: isolation/systemd_scope.h.
  bool scoped = false;
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
  // A scope that systemd made for us, which is how others will be; nothing: it makes none.
  std::optional<std::string> scope;
  std::string systemd = "/run/systemd/system";  // is there where systemd runs the machine
};

// Where version 2 has all controllers and systemd makes scopes, it is asked. Otherwise root uses `hydravisor` at the
// top of each hierarchy, made here when it is missing, and anybody else `hv-user` there when it is writable, then the
// own cgroup when it is, and on version 2 those above it.
CgroupLayout find_cgroup_parents(const CgroupSources& sources);

}  // namespace hv::isolation
