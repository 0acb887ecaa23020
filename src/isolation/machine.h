// What this machine allows, tried rather than guessed, with the exact fix for what it does not. For `doctor`, and for
// stopping a start early.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/host_info.h"
#include "isolation/cgroup_layout.h"
#include "isolation/idmap.h"

namespace hv::isolation {

// How far a child came that made a user, mount and PID namespace and mounted in them. errno values; 0: it worked.
struct NamespaceTrial {
  int user_namespace = 0;  // making it
  int id_map = 0;          // writing its map
  int mounts = 0;          // changing the mount tree
  int fresh_proc = 0;      // a /proc of the new PID namespace
  int overlay = 0;         // overlayfs with userxattr
};
// Takes about a millisecond. The child makes system calls only, so a process with threads may call it.
NamespaceTrial try_namespaces(uid_t uid, gid_t gid);

struct Machine {
  std::string kernel;  // uname's release
  int kernel_major = 0;
  int kernel_minor = 0;
  uid_t uid = 0;
  NamespaceTrial namespaces;
  int landlock_abi = 0;
  bool seccomp_notify = false;
  CgroupLayout cgroups;
  IdMaps ids;
  // Why user namespaces fail, read from the machine's switches; empty when they work.
  std::string namespace_obstacle;
  std::string namespace_fix;
};

struct MachineSources {
  std::string proc = "/proc";  // its sys/ is read
  CgroupSources cgroups;
  IdSources ids;
  std::string user;              // the user's name, for /etc/subuid
  std::string apparmor_profile;  // the one that this installation carries; empty: none
  uid_t uid = 0;
  gid_t gid = 0;
};
Machine examine_machine(const MachineSources& sources);

// Which switch forbids user namespaces, and the command that sets it. Pure over the files below `proc`.
struct Obstacle {
  std::string what;
  std::string fix;
};
Obstacle explain_namespaces(const NamespaceTrial& trial, const std::string& proc,
                            const std::string& apparmor_profile = {});

// One line for each thing that matters, best first. `usable` in the report: a sandbox can be started.
core::DoctorReport report_machine(const Machine& machine);

}  // namespace hv::isolation
