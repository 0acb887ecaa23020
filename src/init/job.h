// A command started inside: execvp's rules, a session of its own, and a report of why it could not run.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "core/launch.h"

namespace hv::init {

struct StartedJob {
  pid_t pid = 0;
  base::Fd terminal;  // the master side, when the job has a terminal
  // Why the command could not be executed; 0 when it runs.
  int error_number = 0;
  std::string failed_step;
};

// Starts `command` with descriptors `standard` (stdin, stdout, stderr; ignored when it has a terminal). The caller is
// PID 1 and reaps it.
base::Result<StartedJob> start_job(const core::Command& command, const std::vector<base::Fd>& standard);

}  // namespace hv::init
