// Without a network, nothing is reachable but the sandbox's own loopback.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/probe.h"

namespace hv::probe {
namespace {

using core::Layer;
constexpr std::string_view category = "network";
// Whether it gets through depends on the host's own network, which a test cannot count on.
constexpr uint32_t hosts_own_network = 0;

Attempt judge_connect(const std::string& what, int fd, const sockaddr* address, socklen_t size) {
  if (fd < 0) return held(describe("socket", fd, errno));
  int result = ::connect(fd, address, size);
  int error = errno;
  if (result < 0 && error == EINPROGRESS) {
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    ::poll(&ready, 1, 1000);
    socklen_t length = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    // Nobody answered within a second: the packet left, which is through.
    if (error == 0) result = 0;
  }
  ::close(fd);
  return judge(what, result, error);
}

Attempt reach4(const char* host, uint16_t port, int type) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host, &address.sin_addr);
  int fd = ::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return judge_connect(std::string("connect to ") + host, fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

Attempt reach6(const char* host, uint16_t port, int type) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  ::inet_pton(AF_INET6, host, &address.sin6_addr);
  int fd = ::socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return judge_connect(std::string("connect to ") + host, fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

Attempt interfaces(const Outside&) {
  std::ifstream file("/proc/net/dev");
  if (!file) return not_applicable("/proc/net/dev cannot be read");
  std::string line;
  std::string others;
  while (std::getline(file, line)) {
    size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = line.substr(line.find_first_not_of(' '), colon - line.find_first_not_of(' '));
    if (name != "lo") others += " " + name;
  }
  return others.empty() ? held("lo only") : got_through("interfaces of the host:" + others);
}

Attempt host_loopback(const Outside& outside) {
  if (outside.port == 0) return not_applicable("no port of the host was named");
  return reach4("127.0.0.1", static_cast<uint16_t>(outside.port), SOCK_STREAM);
}
Attempt host_loopback_6(const Outside& outside) {
  if (outside.port == 0) return not_applicable("no port of the host was named");
  return reach6("::ffff:127.0.0.1", static_cast<uint16_t>(outside.port), SOCK_STREAM);
}
Attempt internet(const Outside&) {
  return reach4("192.0.2.1", 443, SOCK_STREAM);
}
Attempt internet_6(const Outside&) {
  return reach6("2001:db8::1", 443, SOCK_STREAM);
}
Attempt metadata(const Outside&) {
  return reach4("169.254.169.254", 80, SOCK_STREAM);
}
Attempt lan(const Outside&) {
  return reach4("10.0.0.1", 80, SOCK_STREAM);
}
Attempt quic(const Outside&) {
  return reach4("192.0.2.1", 443, SOCK_DGRAM);
}
Attempt name_server(const Outside&) {
  return reach4("192.0.2.53", 53, SOCK_DGRAM);
}

const Probe table[] = {
    {"interfaces", category, "network devices of the host", layers(Layer::network_namespace), "", interfaces},
    {"host-loopback", category, "a server on the host's loopback", layers(Layer::network_namespace), "", host_loopback},
    {"host-loopback-mapped", category, "the same by its IPv4-mapped address", layers(Layer::network_namespace), "",
     host_loopback_6},
    {"internet", category, "a TCP connection out", hosts_own_network, "", internet},
    {"internet-ipv6", category, "a TCP connection out, by IPv6", hosts_own_network, "", internet_6},
    {"metadata", category, "a cloud's metadata service", hosts_own_network, "", metadata},
    {"lan", category, "the local network", hosts_own_network, "", lan},
    {"quic", category, "UDP out", hosts_own_network, "", quic},
    {"name-server", category, "a name server of its own choice", hosts_own_network, "", name_server},
};

}  // namespace

std::span<const Probe> network_probes() {
  return table;
}

}  // namespace hv::probe
