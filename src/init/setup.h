// The last privileges, given up inside the finished mount tree.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "core/launch.h"

namespace hv::init {

struct Confinement {
  uint32_t skipped_layers = 0;
  bool allow_nested = false;
  std::string seccomp_program;
  std::vector<std::string> writable;  // directories and files that Landlock lets the agent write below
  bool restrict_exec = false;         // only what `executable` names may be executed
  std::vector<std::string> executable;
};

// What the agent may write to when these are its mounts.
std::vector<std::string> writable_paths(const std::vector<core::Mount>& ground, const std::vector<core::Mount>& rest);

struct Privileges {
  base::Fd listener;                  // of the seccomp filter; empty when that layer is skipped
  std::vector<std::string> enforced;  // one line a layer, for inspect
  std::vector<std::string> degraded;
};

// no_new_privs, Landlock, seccomp, in this order, and a look at the capabilities that the launcher has already dropped.
// From here on every execve waits for the listener's holder.
base::Result<Privileges> give_up_privileges(const Confinement& setup);

}  // namespace hv::init
