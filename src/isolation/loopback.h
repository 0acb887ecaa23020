// The sandbox's own loopback: a fresh network namespace has `lo`, but down.
#pragma once

#include <cstdint>
#include <vector>

#include "base/fd.h"

namespace hv::isolation {

// Brings `lo` up in the caller's network namespace (SIOCSIFFLAGS). Needs CAP_NET_ADMIN over it.
base::Status bring_up_loopback();

// Listening TCP sockets on 127.0.0.1:port and [::1]:port in the caller's network namespace, one pair per port; a
// namespace without IPv6 gives only the first of a pair.
base::Result<std::vector<base::Fd>> listen_on_loopback(const std::vector<uint16_t>& ports);

}  // namespace hv::isolation
