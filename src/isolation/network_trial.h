// Whether a way out can be made here: the kernel's packet rules, tried in a network namespace that nobody uses.
#pragma once

#include "base/result.h"

namespace hv::isolation {

// unsupported, with the fix, where the kernel has no nftables or a part of it is missing. Nothing is left behind. Takes
// a millisecond; a process with threads may call it.
base::Status try_packet_rules();

}  // namespace hv::isolation
