#include "gateway/socket_address.h"

#include <algorithm>
#include <cstring>

#include <netinet/in.h>

#include "base/fd.h"

namespace hv::gateway {

SocketAddress to_socket_address(const core::IpAddress& address, uint16_t port, uint32_t scope) {
  SocketAddress made;
  if (address.v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_scope_id = scope;
    std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
    std::memcpy(&made.storage, &v6, sizeof v6);
    made.size = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
    std::memcpy(&made.storage, &v4, sizeof v4);
    made.size = sizeof v4;
  }
  return made;
}

core::IpAddress address_of(const sockaddr_storage& storage) {
  core::IpAddress address;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    std::memcpy(address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return address;
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage, sizeof v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    std::memcpy(address.bytes.data(), reinterpret_cast<const char*>(&v6.sin6_addr) + 12, 4);
    return address;
  }
  std::memcpy(address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  address.v6 = true;
  return address;
}

uint16_t port_of(const sockaddr_storage& storage) {
  // sin_port and sin6_port lie at the same place.
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  return ntohs(v4.sin_port);
}

bool leads_to_this_host(const core::IpAddress& address) {
  // connect() of a datagram socket looks up the route; to an address of the host it leads from that very address.
  SocketAddress to = to_socket_address(address, 9);
  base::Fd socket(::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), to.get(), to.size) != 0) return false;
  SocketAddress from;
  from.size = sizeof from.storage;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&from.storage), &from.size) != 0) return false;
  return address_of(from.storage) == address;
}

}  // namespace hv::gateway
