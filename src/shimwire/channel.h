// Messages with a type and descriptors over a SEQPACKET socket. A body too long for one packet travels in a memfd.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace hv::shimwire {

struct Packet {
  uint8_t type = 0;
  std::string body;
  std::vector<base::Fd> fds;
};

// `fds` stay the caller's. EAGAIN on a non-blocking socket is `unavailable`.
base::Status send_packet(int socket, uint8_t type, std::string_view body, const std::vector<int>& fds = {});
// not_found when the other end has closed.
base::Result<Packet> receive_packet(int socket);

}  // namespace hv::shimwire
