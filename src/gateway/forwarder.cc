#include "gateway/forwarder.h"

#include <array>
#include <cerrno>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/socket_address.h"
#include "shimwire/channel.h"
#include "shimwire/egress_codec.h"
#include "shimwire/protocol.h"

namespace hv::gateway {

namespace {

constexpr size_t kBuffer = 64 * 1024;

std::string encode_event(uint64_t number, uint16_t port, uint64_t in, uint64_t out, int error_number) {
  return shimwire::encode(shimwire::HostPortEvent{number, port, in, out, error_number, 0, {}});
}

// A reset, not an orderly end: the program inside sees a failure, as it would without us.
void reset(base::Fd& socket) {
  linger now{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket.close();
}

}  // namespace

base::Status Forwarder::listen(base::Fd socket) {
  sockaddr_in6 address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return base::Failure(base::Error::from_errno(errno, "read a listening socket's port"));
  // sin_port and sin6_port lie at the same place.
  uint16_t port = ntohs(address.sin6_port);
  int listener = socket.get();
  HV_TRY(base::set_nonblocking(listener, true));
  HV_TRY(loop_.watch(listener, EPOLLIN, [this, listener, port](uint32_t) { accept(listener, port); }));
  listeners_.push_back(std::move(socket));
  return {};
}

void Forwarder::accept(int listener, uint16_t port) {
  if (connections_.size() >= kMost) {
    static_cast<void>(loop_.modify(listener, 0));
    return;
  }
  sockaddr_storage peer{}, own{};
  socklen_t peer_size = sizeof peer, own_size = sizeof own;
  base::Fd inside(::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &peer_size, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!inside || ::getsockname(inside.get(), reinterpret_cast<sockaddr*>(&own), &own_size) != 0) return;
  auto connection = std::make_unique<Connection>();
  connection->number = ++last_number_;
  connection->port = port;
  connection->inside = std::move(inside);
  uint64_t number = connection->number;
  connections_[number] = std::move(connection);
  core::Flow flow{address_of(peer), address_of(own), port_of(peer), port_of(own)};
  shimwire::Writer opened;
  opened.u64(number | shimwire::kHostPortConnection);
  static_cast<void>(shimwire::send_packet(supervisor_, static_cast<uint8_t>(shimwire::Gateway::opened),
                                          opened.take() + shimwire::encode(flow)));
  if (!shimwire::send_packet(supervisor_, static_cast<uint8_t>(shimwire::Gateway::connecting),
                             encode_event(number, port, 0, 0, 0))) {
    reset(connections_[number]->inside);
    connections_.erase(number);
  }
}

void Forwarder::proceed(uint64_t number) {
  auto found = connections_.find(number);
  if (found != connections_.end() && !found->second->outside) dial(*found->second);
}

void Forwarder::end() {
  while (!connections_.empty()) close(connections_.begin()->first, 0);
}

// 127.0.0.1 first, then ::1: development servers listen on either.
void Forwarder::dial(Connection& connection) {
  int family = connection.over_v6 ? AF_INET6 : AF_INET;
  connection.outside = base::Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connection.outside) return close(connection.number, errno);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(connection.port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(connection.port);
  v6.sin6_addr = in6addr_loopback;
  auto* address = connection.over_v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  socklen_t size = connection.over_v6 ? sizeof v6 : sizeof v4;
  connection.dialling = true;
  uint64_t number = connection.number;
  if (::connect(connection.outside.get(), address, size) != 0 && errno != EINPROGRESS) {
    int error_number = errno;
    if (connection.over_v6) return close(number, error_number);
    connection.over_v6 = true;
    return dial(connection);
  }
  if (!loop_.watch(connection.outside.get(), EPOLLOUT, [this, number](uint32_t) { on_dialled(number); }))
    close(number, ENOMEM);
}

void Forwarder::on_dialled(uint64_t number) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  int error_number = 0;
  socklen_t size = sizeof error_number;
  ::getsockopt(connection.outside.get(), SOL_SOCKET, SO_ERROR, &error_number, &size);
  if (error_number != 0) {
    loop_.unwatch(connection.outside.get());
    if (connection.over_v6) return close(number, error_number);
    connection.over_v6 = true;
    return dial(connection);
  }
  connection.dialling = false;
  for (int socket : {connection.inside.get(), connection.outside.get()})
    if (!loop_.watch(socket, EPOLLIN, [this, number](uint32_t) { pump(number); })) return close(number, ENOMEM);
  pump(number);
}

// False when the connection is broken.
bool Forwarder::move_bytes(Direction& direction, base::Fd& from, base::Fd& to) {
  std::array<char, kBuffer> buffer;
  while (!direction.source_ended && direction.pending.empty()) {
    ssize_t count = ::recv(from.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return false;
    if (count == 0) direction.source_ended = true;
    direction.pending.assign(buffer.data(), static_cast<size_t>(count));
    direction.bytes += static_cast<uint64_t>(count);
    while (!direction.pending.empty()) {
      ssize_t sent = ::send(to.get(), direction.pending.data(), direction.pending.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return true;
      if (sent < 0) return false;
      direction.pending.erase(0, static_cast<size_t>(sent));
    }
  }
  while (!direction.pending.empty()) {
    ssize_t sent = ::send(to.get(), direction.pending.data(), direction.pending.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    direction.pending.erase(0, static_cast<size_t>(sent));
  }
  if (direction.source_ended && !direction.sink_closed) {
    ::shutdown(to.get(), SHUT_WR);
    direction.sink_closed = true;
  }
  return true;
}

void Forwarder::pump(uint64_t number) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  bool whole = move_bytes(connection.out, connection.inside, connection.outside) &&
               move_bytes(connection.in, connection.outside, connection.inside);
  if (!whole) return close(number, ECONNRESET);
  if (connection.out.sink_closed && connection.in.sink_closed) return close(number, 0);
  update_interest(connection);
}

void Forwarder::update_interest(Connection& connection) {
  auto events = [](const Direction& source, const Direction& sink) {
    return (source.source_ended || !source.pending.empty() ? 0u : uint32_t{EPOLLIN}) |
           (sink.pending.empty() ? 0u : uint32_t{EPOLLOUT});
  };
  static_cast<void>(loop_.modify(connection.inside.get(), events(connection.out, connection.in)));
  static_cast<void>(loop_.modify(connection.outside.get(), events(connection.in, connection.out)));
}

void Forwarder::close(uint64_t number, int error_number) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  std::string event = encode_event(number, connection.port, connection.in.bytes, connection.out.bytes, error_number);
  loop_.unwatch(connection.inside.get());
  if (connection.outside) loop_.unwatch(connection.outside.get());
  if (error_number != 0) reset(connection.inside);
  connections_.erase(found);
  // A supervisor that is gone takes this process with it; there is nobody left to tell.
  static_cast<void>(shimwire::send_packet(supervisor_, static_cast<uint8_t>(shimwire::Gateway::closed), event));
  for (const base::Fd& listener : listeners_) static_cast<void>(loop_.modify(listener.get(), EPOLLIN));
}

}  // namespace hv::gateway
