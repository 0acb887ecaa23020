// Addresses: without a network nothing is reachable but the sandbox's own loopback, and with one nothing that no rule
// allows.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/network_talk.h"

namespace hv::probe {
namespace {

using core::Layer;
constexpr std::string_view category = "network";
// Without its namespace a sandbox has the host's network, with nothing between.
constexpr uint32_t way_out = layers(Layer::network_namespace);
constexpr std::string_view denied = "network.denied";

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
core::IpAddress unlisted_v4(const Outside& outside) {
  return ip(outside.unlisted_v4.empty() ? "192.0.2.1" : outside.unlisted_v4);
}

Attempt reach(const std::string& what, const core::IpAddress& address, uint16_t port, uint32_t scope = 0) {
  std::string host = address.v6 ? "[" + address.text() + "]" : address.text();
  return judge_spoken(what + " " + host, speak(address, port, http_get(host), scope));
}

Attempt internet(const Outside& outside) {
  return reach("connect to", unlisted_v4(outside), 80);
}
Attempt internet_6(const Outside& outside) {
  return reach("connect to", ip(outside.unlisted_v6.empty() ? "2001:db8::1" : outside.unlisted_v6), 80);
}

// As text a number has many forms; as a socket's address it has the mapped one beside its own.
Attempt internet_mapped(const Outside& outside) {
  core::IpAddress mapped;
  mapped.v6 = true;
  mapped.bytes[10] = mapped.bytes[11] = 0xff;
  std::ranges::copy_n(unlisted_v4(outside).bytes.begin(), 4, mapped.bytes.begin() + 12);
  return judge_spoken("connect to " + mapped.text(), speak(mapped, 80, http_get(unlisted_v4(outside).text())));
}

std::vector<std::string> spellings(const core::IpAddress& address) {
  std::array<char, 64> octal{};
  std::array<char, 64> hexadecimal{};
  const auto& b = address.bytes;
  std::snprintf(octal.data(), octal.size(), "0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]);
  std::snprintf(hexadecimal.data(), hexadecimal.size(), "0x%08x", address.v4());
  return {std::to_string(address.v4()), octal.data(), hexadecimal.data()};
}

// inet_aton() reads them all, and so may a proxy that judges by the text.
Attempt address_spellings(const Outside& outside) {
  std::vector<Attempt> attempts;
  for (const std::string& spelling : spellings(unlisted_v4(outside))) {
    in_addr read{};
    ::inet_aton(spelling.c_str(), &read);
    attempts.push_back(reach("connect to " + spelling + ",", core::IpAddress::from_v4(ntohl(read.s_addr)), 80));
    std::string request = "GET http://" + spelling + "/ HTTP/1.1\r\nHost: " + spelling + "\r\n\r\n";
    attempts.push_back(judge_spoken("proxy for " + spelling, speak(ip("127.0.0.1"), kCourtesyProxy, request)));
  }
  return first_through(attempts, "spellings");
}

// The kernel takes these for itself: inside they are the sandbox's own loopback.
Attempt unspecified(const Outside& outside) {
  if (outside.port == 0) return not_applicable("no port of the host was named");
  auto port = static_cast<uint16_t>(outside.port);
  Attempt v4 = reach4("0.0.0.0", port, SOCK_STREAM);
  return v4.outcome == Outcome::got_through ? v4 : reach6("::ffff:0.0.0.0", port, SOCK_STREAM);
}

Attempt metadata(const Outside&) {
  return reach("connect to", ip("169.254.169.254"), 80);
}
Attempt lan(const Outside&) {
  return reach("connect to", ip("10.0.0.1"), 80);
}
Attempt unique_local(const Outside&) {
  return reach("connect to", ip("fd00:5::1"), 80);
}
Attempt link_local(const Outside&) {
  std::vector<Attempt> attempts;
  constexpr uint32_t kInterfaces = 8;
  for (uint32_t number = 1; number <= kInterfaces; ++number)
    attempts.push_back(reach("connect to", ip("fe80::5:1"), 80, number));
  return first_through(attempts, "interfaces");
}

Attempt udp(const Outside& outside, uint16_t port) {
  return judge_spoken("datagram to port " + std::to_string(port),
                      send_datagram(unlisted_v4(outside), port, "hydravisor-probe"));
}
Attempt quic(const Outside& outside) {
  return udp(outside, 443);
}
Attempt other_datagrams(const Outside& outside) {
  std::vector<Attempt> attempts;
  for (uint16_t port : {uint16_t{9}, uint16_t{123}, uint16_t{5353}, uint16_t{51820}})
    attempts.push_back(udp(outside, port));
  return first_through(attempts, "ports");
}

Attempt echo_request(const Outside& outside) {
  int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
  if (fd < 0) return held(describe("socket", fd, errno));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(unlisted_v4(outside).v4());
  const std::array<char, 8> request{8};
  ssize_t sent = ::sendto(fd, request.data(), request.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  int error = errno;
  pollfd answered{fd, POLLIN, 0};
  bool came = sent >= 0 && ::poll(&answered, 1, 1000) == 1;
  ::close(fd);
  if (sent < 0) return held_here(describe("sendto", sent, error));
  return came ? got_through("an echo came back") : held_here("no echo came back");
}

const Probe table[] = {
    {"interfaces", category, "network devices of the host", layers(Layer::network_namespace), "", interfaces},
    {"host-loopback", category, "a server on the host's loopback", layers(Layer::network_namespace), "", host_loopback},
    {"host-loopback-mapped", category, "the same by its IPv4-mapped address", layers(Layer::network_namespace), "",
     host_loopback_6},
    {"unspecified", category, "the same by 0.0.0.0", layers(Layer::network_namespace), "", unspecified},
    {"internet", category, "a TCP connection out", way_out, denied, internet, true},
    {"internet-ipv6", category, "a TCP connection out, by IPv6", way_out, denied, internet_6, true},
    {"internet-mapped", category, "a TCP connection out, by an IPv4-mapped address", way_out, denied, internet_mapped,
     true},
    {"address-spellings", category, "decimal, octal and hexadecimal addresses, to the proxy too", way_out, denied,
     address_spellings, true},
    {"metadata", category, "a cloud's metadata service", way_out, denied, metadata, true},
    {"lan", category, "the local network", way_out, denied, lan, true},
    {"unique-local", category, "the local network, by IPv6", way_out, denied, unique_local, true},
    {"link-local", category, "the local network, by link-local addresses", way_out, denied, link_local, true},
    {"quic", category, "UDP to port 443", way_out, denied, quic, true},
    {"udp", category, "UDP to other ports", way_out, denied, other_datagrams, true},
    {"icmp", category, "an echo request", layers(Layer::network_namespace, Layer::seccomp), "socket", echo_request,
     true},
};

}  // namespace

std::span<const Probe> network_probes() {
  return table;
}

}  // namespace hv::probe
