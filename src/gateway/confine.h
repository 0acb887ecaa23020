// The gateway's own confinement. It reads what the agent and the internet send, so it keeps as little as it can.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"

namespace hv::gateway {

// Before anything hostile is read: not root's id, no capability, none to be gained, and Landlock: nothing can be
// written or executed, and read only what tells how the host resolves names. With `ports`, these are the only ones TCP
// may dial (kernel 6.7).
base::Status confine_rights(const std::optional<std::vector<uint16_t>>& ports);

// In the process that serves: an allow-list of calls. It cannot start, trace or signal processes, and makes sockets of
// the internet's families only.
base::Status confine_calls();

}  // namespace hv::gateway
