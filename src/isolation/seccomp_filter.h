// The seccomp program of a sandbox, built in the daemon and carried as bytes; seccomp_install.h loads it. seccomp(2),
// bpf in Documentation/userspace-api/seccomp_filter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace hv::isolation {

struct FilterPlan {
  // A supervisor listens: what is denied or recorded is told to it. Without one, denied calls fail by themselves and
  // nothing is recorded.
  bool notify = true;
  bool record_exec = true;
  // Opens for writing and every other call that changes files. openat2 then answers ENOSYS, so that libc uses openat,
  // whose flags a filter can test.
  bool record_writes = false;
  // Mounts and new namespaces are allowed, in the agent's own user namespaces.
  bool allow_nested = false;
  // Numbers of calls that the policy denies beside the ones that every sandbox is denied; EPERM.
  std::vector<uint32_t> denied = {};
};

// A sock_filter array for this machine's architecture. Calls of another architecture or of the x32 interface never run:
// they are told to the listener, which refuses them, and without one they kill the process.
std::string build_filter(const FilterPlan& plan);

}  // namespace hv::isolation
