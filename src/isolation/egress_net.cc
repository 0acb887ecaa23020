#include "isolation/egress_net.h"

#include <cerrno>
#include <string>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include "isolation/netlink.h"
#include "isolation/redirect_rules.h"

namespace hv::isolation {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

constexpr uint32_t kLoopbackIndex = 1;  // of every network namespace
constexpr uint16_t kDnsPort = 53;
constexpr int kBacklog = 4096;
// SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST: the kernel's headers that name them do not go together with libc's.
constexpr int kOriginalDestination = 80;

bool no_ipv6(int error_number) {
  return error_number == EAFNOSUPPORT || error_number == EOPNOTSUPP || error_number == EADDRNOTAVAIL;
}

Status add_route(int socket, uint8_t family) {
  rtmsg route{};
  route.rtm_family = family;
  route.rtm_table = RT_TABLE_LOCAL;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  route.rtm_type = RTN_LOCAL;
  NetlinkBatch batch;
  batch.begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, {reinterpret_cast<const char*>(&route), sizeof route});
  batch.native32(RTA_OIF, kLoopbackIndex);
  uint32_t sequence = batch.last_sequence();
  return exchange(socket, batch.take(), sequence, "make every address the sandbox's own");
}

// Bound to `port` of every address, or of loopback alone.
Result<Fd> bind_inside(int family, int type, uint16_t port, bool loopback) {
  Fd socket(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  auto fail = [&] { return Failure(Error::from_errno(errno, "open the gateway's port inside", std::to_string(port))); };
  if (!socket) return fail();
  int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (type == SOCK_DGRAM) {
    // An answer has to come from the address that was asked.
    int done = family == AF_INET ? ::setsockopt(socket.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on)
                                 : ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    if (done != 0) return fail();
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = loopback ? in6addr_loopback : in6addr_any;
  const auto* address = family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
  if (::bind(socket.get(), address, size) != 0) return fail();
  if (type == SOCK_STREAM && ::listen(socket.get(), kBacklog) != 0) return fail();
  return socket;
}

}  // namespace

Result<bool> make_every_address_local() {
  Fd socket = HV_TRY(open_netlink(NETLINK_ROUTE));
  HV_TRY(add_route(socket.get(), AF_INET));
  Status v6 = add_route(socket.get(), AF_INET6);
  if (!v6 && !no_ipv6(v6.error().os_error())) return Failure(std::move(v6).error());
  return v6.has_value();
}

Result<EgressNet> set_up_egress_net() {
  EgressNet net;
  // The rules first: without them nothing is made local, and nothing leads anywhere.
  net.refusals_are_told_of = HV_TRY(apply_redirect_rules(kRedirectPort)).told_of;
  bool v6 = HV_TRY(make_every_address_local());
  auto open = [&](GatewaySocket use, int type, uint16_t port, bool loopback) -> Status {
    net.sockets.push_back({use, HV_TRY(bind_inside(AF_INET, type, port, loopback))});
    if (v6) net.sockets.push_back({use, HV_TRY(bind_inside(AF_INET6, type, port, loopback))});
    return {};
  };
  HV_TRY(open(GatewaySocket::redirect, SOCK_STREAM, kRedirectPort, true));
  HV_TRY(open(GatewaySocket::dns_datagram, SOCK_DGRAM, kDnsPort, false));
  HV_TRY(open(GatewaySocket::dns_stream, SOCK_STREAM, kDnsPort, false));
  net.sockets.push_back({GatewaySocket::proxy, HV_TRY(bind_inside(AF_INET, SOCK_STREAM, kProxyPort, true))});
  if (net.refusals_are_told_of) {
    Result<Fd> refused = open_refused_packets();
    net.refusals_are_told_of = refused.has_value();
    if (refused) net.sockets.push_back({GatewaySocket::refused, *std::move(refused)});
  }
  return net;
}

Result<sockaddr_storage> original_destination(int connection) {
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (::getsockname(connection, reinterpret_cast<sockaddr*>(&local), &size) != 0)
    return Failure(Error::from_errno(errno, "read a connection's address"));
  sockaddr_storage destination{};
  size = sizeof destination;
  int done = local.ss_family == AF_INET
                 ? ::getsockopt(connection, IPPROTO_IP, kOriginalDestination, &destination, &size)
                 : ::getsockopt(connection, IPPROTO_IPV6, kOriginalDestination, &destination, &size);
  if (done != 0) return Failure(Error::from_errno(errno, "read where a connection was going"));
  return destination;
}

}  // namespace hv::isolation
