// The packet rules of a sandbox with a way out: every TCP connection that leaves loopback meets the gateway, every
// datagram that is not a question to DNS is refused and told of. One nftables batch by netlink, no program.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"

namespace hv::isolation {

// The group under which refused packets are told of (nfnetlink_log).
inline constexpr uint16_t kRefusedPackets = 1;

// Applies the rules in the caller's network namespace, all or none. Needs CAP_NET_ADMIN over it. `told_of` is false
// where the kernel cannot log to a socket: the packets are refused all the same. unsupported, with the fix, on a kernel
// without nftables.
struct RedirectRules {
  bool told_of = true;
};
base::Result<RedirectRules> apply_redirect_rules(uint16_t gateway_port);
// The same in the network namespace that a socket of netlink's netfilter family belongs to, or why there is no such
// socket.
base::Result<RedirectRules> apply_redirect_rules(base::Result<base::Fd> netfilter, uint16_t gateway_port);

// A socket on which the kernel tells of refused packets, each with its first bytes.
base::Result<base::Fd> open_refused_packets();

}  // namespace hv::isolation
