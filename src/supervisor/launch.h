// From a LaunchSpec to a running PID 1, in two steps: the groundwork, which a spare supervisor does before anybody
// asks, and the rest. One place where the whole launch reads from top to bottom; what happens inside is init's (its
// construction.h).
#pragma once

#include <map>

#include <sys/types.h>

#include "base/fd.h"
#include "core/launch.h"
#include "isolation/mount_sources.h"

namespace hv::supervisor {

struct LaunchedInit {
  pid_t pid = 0;
  base::Fd pidfd;
  base::Fd control;  // SEQPACKET to init
};

class Launch {
 public:
  // Makes the namespaces, starts init in them and lets it lay the groundwork. `user_namespace`, when given, is the one
  // with a range of ids that a rootless supervisor lives in. What goes wrong inside arrives on `control` later.
  static base::Result<Launch> prepare(const core::Groundwork& ground, base::Fd user_namespace);

  // Has init finish what `spec` asks for, whose groundwork is the one that was prepared; returns as soon as that is on
  // its way.
  base::Result<LaunchedInit> finish(const core::LaunchSpec& spec) &&;

 private:
  Launch() = default;
  base::Result<std::vector<isolation::OpenedMount>> open_sources(const std::vector<core::Mount>& mounts,
                                                                 const core::Groundwork& ground);
  LaunchedInit init_;
  // As real root: the user namespaces through which files of an owner are shown to the agent.
  std::map<uint32_t, base::Fd> owners_;
};

}  // namespace hv::supervisor
