// The supervisor's own confinement: it parses what the agent says, so it keeps as little as it can.
#pragma once

#include <string>

#include "base/result.h"

namespace hv::supervisor {

// After this the process sees only /proc (read-only, to follow the agent) and, when `workspace` is not empty, a
// read-only /workspace; it has no capability, cannot gain any, cannot execute, trace, mount, or make sockets. Not
// Landlock: any ruleset would stop it from reading the agent.
//
// `reads_everything` keeps CAP_DAC_READ_SEARCH, for real root with a live workspace: the agent's /proc/PID/fd, which
// says what a call names, is the agent's own, and so may be the files to be kept.
base::Status confine_self(const std::string& workspace, bool reads_everything);

}  // namespace hv::supervisor
