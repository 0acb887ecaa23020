#include "probe/network_talk.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "network/dns_reply.h"

namespace hv::probe {

namespace {

constexpr int kPatience = 1000;  // milliseconds

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const core::IpAddress& address, uint16_t port, uint32_t scope = 0) {
  SocketAddress made;
  if (address.v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_scope_id = scope;
    std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
    std::memcpy(&made.storage, &v6, made.size = sizeof v6);
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
    std::memcpy(&made.storage, &v4, made.size = sizeof v4);
  }
  return made;
}

bool becomes(int socket, short events) {
  pollfd waiting{socket, events, 0};
  return ::poll(&waiting, 1, kPatience) == 1;
}

base::Fd connect_to(const SocketAddress& to, int type, int& error) {
  base::Fd socket(::socket(to.get()->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  error = 0;
  if (!socket || ::connect(socket.get(), to.get(), to.size) != 0) error = errno;
  if (error != EINPROGRESS) return socket;
  error = ETIMEDOUT;
  if (!becomes(socket.get(), POLLOUT)) return socket;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return socket;
}

std::string sized(std::string_view text, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return out.append(text);
}

}  // namespace

core::IpAddress ip(std::string_view text) {
  return core::parse_address(text).value_or(core::IpAddress{});
}

Spoken speak(const core::IpAddress& address, uint16_t port, std::string_view words, uint32_t scope) {
  Spoken spoken;
  base::Fd socket = connect_to(to_socket_address(address, port, scope), SOCK_STREAM, spoken.error);
  if (spoken.error != 0) return spoken;
  if (::send(socket.get(), words.data(), words.size(), MSG_NOSIGNAL) < 0) {
    spoken.error = errno;
    return spoken;
  }
  std::array<char, 4096> buffer;
  for (;;) {
    if (!becomes(socket.get(), POLLIN)) {
      spoken.silent = spoken.answer.empty();
      return spoken;
    }
    ssize_t count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) spoken.error = errno;
    if (count <= 0) return spoken;
    spoken.answer.append(buffer.data(), static_cast<size_t>(count));
  }
}

Spoken send_datagram(const core::IpAddress& address, uint16_t port, std::string_view words) {
  Spoken spoken;
  base::Fd socket = connect_to(to_socket_address(address, port), SOCK_DGRAM, spoken.error);
  if (spoken.error != 0) return spoken;
  std::array<char, 4096> buffer;
  ssize_t count = ::send(socket.get(), words.data(), words.size(), MSG_NOSIGNAL);
  if (count >= 0) {
    spoken.silent = !becomes(socket.get(), POLLIN);
    if (spoken.silent) return spoken;
    count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  }
  if (count < 0) spoken.error = errno;
  if (count > 0) spoken.answer.assign(buffer.data(), static_cast<size_t>(count));
  return spoken;
}

std::optional<core::IpAddress> look_up(const std::string& name, const core::IpAddress& server) {
  auto asked = network::DnsName::from_text(name);
  if (!asked) return std::nullopt;
  network::DnsQuestion question{static_cast<uint16_t>(::getpid()), *std::move(asked), network::DnsType::a};
  Spoken spoken = send_datagram(server, 53, network::write_query(question));
  if (spoken.answer.empty()) return std::nullopt;
  auto reply = network::parse_reply(spoken.answer, question);
  if (!reply || reply->addresses.empty()) return std::nullopt;
  core::IpAddress address;
  if (const auto* v4 = std::get_if<network::Ipv4Bytes>(&reply->addresses[0])) {
    std::ranges::copy(*v4, address.bytes.begin());
    return address;
  }
  return std::nullopt;
}

core::IpAddress name_server(const Outside& outside) {
  return outside.name_server.empty() ? ip("127.0.0.1") : ip(outside.name_server);
}

bool has_way_out() {
  // connect() of a datagram socket looks up the route and sends nothing.
  int error = 0;
  connect_to(to_socket_address(ip("192.0.2.1"), 9), SOCK_DGRAM, error);
  return error == 0;
}

Attempt held_here(std::string detail) {
  if (has_way_out()) return held(std::move(detail));
  return held_unrecorded(detail + ", for the network namespace leads nowhere");
}

Attempt judge_spoken(const std::string& what, const Spoken& spoken) {
  if (spoken.answer.find("\r\nX-Hydravisor: refused\r\n") != std::string::npos) {
    std::string status = spoken.answer.substr(0, spoken.answer.find('\r'));
    // With these it says that it tried for us and failed.
    bool tried = status.find(" 502 ") != std::string::npos || status.find(" 504 ") != std::string::npos;
    return tried ? got_through(what + ": the gateway dialled: " + status) : held_here(what + ": " + status);
  }
  if (!spoken.answer.empty()) return got_through(what + ": answered");
  if (spoken.error != 0) return held_here(describe(what, -1, spoken.error));
  if (spoken.silent) return got_through(what + ": nothing refused it");
  return held_here(what + ": ended without an answer");
}

Attempt first_through(const std::vector<Attempt>& attempts, const std::string& what) {
  for (const Attempt& attempt : attempts)
    if (attempt.outcome == Outcome::got_through) return attempt;
  return held_here(std::to_string(attempts.size()) + " " + what + ", none got through");
}

std::string http_get(std::string_view host, std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\nConnection: close\r\n\r\n";
}

std::string tls_hello(std::string_view server_name) {
  std::string extensions;
  if (!server_name.empty())
    extensions = std::string("\0\0", 2) + sized(sized(std::string(1, '\0') + sized(server_name, 2), 2), 2);
  std::string body = "\x03\x03" + std::string(32, 'r') + std::string(1, '\0') + sized("\x13\x01", 2) +
                     sized(std::string(1, '\0'), 1) + sized(extensions, 2);
  return "\x16\x03\x01" + sized("\x01" + sized(body, 3), 2);
}

}  // namespace hv::probe
