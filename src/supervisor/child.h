// Between clone3 and init: what the cloned child must do itself before it becomes another program.
#pragma once

#include "core/launch.h"

namespace hv::supervisor {

struct ChildPlan {
  const core::Groundwork* ground = nullptr;
  int control = -1;  // SEQPACKET to the supervisor; becomes init's descriptor 3
  int go = -1;       // readable once the id maps are written
  int init_program = -1;
};

// Never returns: executes init with every capability of the new user namespace, or tells the supervisor over `control`
// why it cannot and exits.
[[noreturn]] void become_init(ChildPlan plan);

}  // namespace hv::supervisor
