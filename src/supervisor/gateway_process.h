// The gateway's process before it has anything to do: it waits for its sockets. Started beforehand by a supervisor that
// lays the groundwork of a sandbox with a way out, so that a command does not wait for it.
#pragma once

#include "base/process.h"
#include "base/result.h"

namespace hv::supervisor {

struct GatewayProcess {
  base::ChildProcess process;
  base::Fd control;

  static base::Result<GatewayProcess> start();
};

}  // namespace hv::supervisor
