// What the kernel tells of packets that the sandbox's rules refused: nfnetlink_log messages as records.
#pragma once

#include <string_view>
#include <vector>

#include "core/egress.h"

namespace hv::gateway {

// `messages` as read from the socket, one or several netlink messages. What cannot be read is left out.
std::vector<core::NetworkEvent> read_refused_packets(std::string_view messages);

// One packet's first bytes, from its IP header on.
core::NetworkEvent read_packet(std::string_view packet);

}  // namespace hv::gateway
