// The launcher's second half: what the cloned child does between clone3 and becoming init.
#pragma once

#include <vector>

#include "base/fd.h"
#include "core/launch.h"
#include "isolation/cgroup.h"
#include "isolation/mounts.h"

namespace hv::supervisor {

struct ChildPlan {
  const core::LaunchSpec* spec = nullptr;
  int control = -1;  // SEQPACKET to the supervisor; becomes init's descriptor 3
  int go = -1;       // readable once the id maps are written
  int init_program = -1;
  const isolation::CgroupEntry* cgroup = nullptr;
  std::vector<isolation::OpenedMount> sources;  // filled already when started by real root
};

// Never returns: executes init, or tells the supervisor over `control` why it cannot and exits.
[[noreturn]] void become_init(ChildPlan plan);

}  // namespace hv::supervisor
