// From a LaunchSpec to a running PID 1: one place where the whole launch reads from top to bottom.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "core/launch.h"

namespace hv::supervisor {

// The type of the packet in which the child passes its listening sockets out, before init speaks.
inline constexpr uint8_t kListeners = 200;

struct LaunchedInit {
  pid_t pid = 0;
  base::Fd pidfd;
  base::Fd control;  // SEQPACKET; init's messages come here, the child's `kListeners` or `failed` before them
};

// Starts the child and feeds init its set-up; returns as soon as that is on its way. What goes wrong in the child
// arrives on `control`. `user_namespace`, when given, is the namespace with a range of ids that a rootless supervisor
// lives in. `init_program` is an open file.
base::Result<LaunchedInit> launch(const core::LaunchSpec& spec, base::Fd user_namespace, const base::Fd& init_program);

}  // namespace hv::supervisor
