// core::IpAddress and the kernel's socket addresses.
#pragma once

#include <cstdint>

#include <sys/socket.h>

#include "core/address.h"

namespace hv::gateway {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

SocketAddress to_socket_address(const core::IpAddress& address, uint16_t port, uint32_t scope = 0);
// A v4-mapped IPv6 address becomes the IPv4 one it stands for.
core::IpAddress address_of(const sockaddr_storage& storage);
// Whether a packet to this address would stay on this host. Nothing is sent to find out.
bool leads_to_this_host(const core::IpAddress& address);
uint16_t port_of(const sockaddr_storage& storage);

}  // namespace hv::gateway
