// What this machine allows, tried rather than guessed, with the exact fix for what it does not. For `doctor`, and for
// stopping a start early.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/host_info.h"
#include "isolation/cgroup_layout.h"
#include "isolation/idmap.h"
#include "isolation/namespace_trial.h"

namespace hv::isolation {

struct Machine {
  std::string kernel;  // uname's release
  int kernel_major = 0;
  int kernel_minor = 0;
  uid_t uid = 0;
  NamespaceTrial namespaces;
  int landlock_abi = 0;
  int landlock_error = 0;        // why the ABI is 0
  std::string security_modules;  // as the kernel lists those that are on; empty: it does not tell
  bool seccomp_notify = false;
  CgroupLayout cgroups;
  IdMaps ids;
  bool root_of_few = false;  // root of a user namespace that lacks the ids of root's sandboxes
  // What is in the way of each; empty: nothing is. The later ones are looked at only where namespaces can be made.
  Obstacle namespace_obstacle;
  Obstacle memory_obstacle;
  Obstacle network_obstacle;
};

struct MachineSources {
  std::string proc = "/proc";  // its sys/ is read
  std::string security_modules = "/sys/kernel/security/lsm";
  CgroupSources cgroups;
  std::optional<CgroupLayout> layout;  // where it was found before, and is in use
  IdSources ids;
  std::string user;              // the user's name, for /etc/subuid
  std::string apparmor_profile;  // the one that this installation carries; empty: none
  uid_t uid = 0;
  gid_t gid = 0;
};
Machine examine_machine(const MachineSources& sources);

// One line for each thing that matters, best first. `usable` in the report: a sandbox can be started.
core::DoctorReport report_machine(const Machine& machine);

}  // namespace hv::isolation
