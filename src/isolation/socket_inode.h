// Which socket a connection is, by sock_diag(7): the number that /proc/PID/fd shows for it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "core/egress.h"

namespace hv::isolation {

// `diagnosis` is a NETLINK_SOCK_DIAG socket of the flow's network namespace. The answer is about the end whose own
// address is the flow's source. not_found when there is no such connection, or none that a process still holds. Two
// system calls.
base::Result<uint64_t> socket_inode(int diagnosis, const core::Flow& flow);

}  // namespace hv::isolation
