// Shuts the worker in before it reads a byte that an agent chose: no new privileges, no network, no devices, no other
// process, and of the file system only what the request names. What it starts (git) inherits all of it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace hv::worker {

struct Confinement {
  std::vector<std::string> readable;
  std::vector<std::string> writable;  // readable too
  bool may_run_git = false;
};

// For ever. unsupported where the kernel has no Landlock: then only the system-call filter holds, and that is the
// caller's decision.
base::Status confine(const Confinement& confinement);

}  // namespace hv::worker
