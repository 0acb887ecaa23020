#include "isolation/loopback.h"

#include <cerrno>
#include <cstring>

#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace hv::isolation {

namespace {

base::Result<base::Fd> listen_at(int family, uint16_t port) {
  base::Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return base::Failure(base::Error::from_errno(errno, "make a listening socket"));
  int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  const auto* address = family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
  if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(socket.get(), address, size) != 0 || ::listen(socket.get(), 128) != 0)
    return base::Failure(base::Error::from_errno(errno, "listen inside on port", std::to_string(port)));
  return socket;
}

}  // namespace

base::Status bring_up_loopback() {
  base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return base::Failure(base::Error::from_errno(errno, "make a socket to bring up loopback"));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
    return base::Failure(base::Error::from_errno(errno, "bring up loopback"));
  return {};
}

base::Result<std::vector<base::Fd>> listen_on_loopback(const std::vector<uint16_t>& ports) {
  std::vector<base::Fd> sockets;
  for (uint16_t port : ports) {
    sockets.push_back(HV_TRY(listen_at(AF_INET, port)));
    base::Result<base::Fd> v6 = listen_at(AF_INET6, port);
    if (v6) {
      sockets.push_back(*std::move(v6));
    } else if (v6.error().os_error() != EADDRNOTAVAIL && v6.error().os_error() != EAFNOSUPPORT) {
      return base::Failure(std::move(v6).error());
    }
  }
  return sockets;
}

}  // namespace hv::isolation
