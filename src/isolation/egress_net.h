// A network namespace from which everything leads to the gateway: every address is local (AnyIP), every connection is
// redirected to one listening socket, and every socket the gateway needs is opened here, inside, to be passed out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <sys/socket.h>

#include "base/fd.h"

namespace hv::isolation {

// What a socket passed out of the sandbox is for. The values travel as one character each, in the order of the
// descriptors.
enum class GatewaySocket : char {
  host_port = 'h',     // listens on loopback; its port is the host's
  redirect = 'r',      // listens for every connection that leaves loopback
  dns_datagram = 'd',  // UDP port 53 of every address, with packet information
  dns_stream = 's',    // TCP port 53 of every address
  proxy = 'p',         // listens on 127.0.0.1:3128 for programs that use the proxy variables
  refused = 'u',       // the kernel tells of refused packets here
  sockets = 'i',       // asks the kernel about the sandbox's sockets; the supervisor keeps it
};

struct OpenedSocket {
  GatewaySocket use = GatewaySocket::redirect;
  base::Fd socket;
};

// Where redirected connections arrive: a port below 1024, so that no program inside can have it itself.
inline constexpr uint16_t kRedirectPort = 1;
inline constexpr uint16_t kProxyPort = 3128;

struct EgressNet {
  std::vector<OpenedSocket> sockets;
  bool refusals_are_told_of = true;  // false: the kernel cannot log to a socket
};

// Turns the caller's fresh network namespace, with loopback up, into such a one. Needs CAP_NET_ADMIN and
// CAP_NET_BIND_SERVICE over it. unsupported, with the fix, where the kernel lacks nftables: then nothing leads
// anywhere. A kernel without IPv6 gives only IPv4.
base::Result<EgressNet> set_up_egress_net();

// Every address is local: ip route add local default dev lo, for IPv4 and IPv6. False: the kernel has no IPv6.
base::Result<bool> make_every_address_local();

// Where a redirected connection was going: SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST. Works from outside the namespace.
base::Result<sockaddr_storage> original_destination(int connection);

}  // namespace hv::isolation
