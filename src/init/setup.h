// The last privileges, given up inside the finished mount tree.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "shimwire/protocol.h"

namespace hv::init {

struct Privileges {
  base::Fd listener;                  // of the seccomp filter; empty when that layer is skipped
  std::vector<std::string> enforced;  // one line a layer, for inspect
  std::vector<std::string> degraded;
};

// no_new_privs, Landlock, seccomp, in this order, and a look at the capabilities that the launcher has already dropped.
// From here on every execve waits for the listener's holder.
base::Result<Privileges> give_up_privileges(const shimwire::InitSetup& setup);

}  // namespace hv::init
