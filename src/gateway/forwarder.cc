#include "gateway/forwarder.h"

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

// Taken of one side before others have their turn.
constexpr int kBuffersAtOnce = 8;

std::string encode_event(uint64_t number, uint16_t port, uint64_t in, uint64_t out, int error_number) {
  return shimwire::encode(shimwire::HostPortEvent{number, port, in, out, error_number, 0, {}});
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
  connection->inside = Stream(std::move(inside));
  uint64_t number = connection->number;
  connections_[number] = std::move(connection);
  core::Flow flow{address_of(peer), address_of(own), port_of(peer), port_of(own)};
  shimwire::Writer opened;
  opened.u64(number | shimwire::kHostPortConnection);
  static_cast<void>(shimwire::send_packet(supervisor_, static_cast<uint8_t>(shimwire::Gateway::opened),
                                          opened.take() + shimwire::encode(flow)));
  if (!shimwire::send_packet(supervisor_, static_cast<uint8_t>(shimwire::Gateway::connecting),
                             encode_event(number, port, 0, 0, 0))) {
    connections_[number]->inside.reset(loop_);
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
  base::Fd outside(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!outside) return close(connection.number, errno);
  connection.outside = Stream(std::move(outside));
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
  if (::connect(connection.outside.fd(), address, size) != 0 && errno != EINPROGRESS) {
    int error_number = errno;
    if (connection.over_v6) return close(number, error_number);
    connection.over_v6 = true;
    return dial(connection);
  }
  if (!loop_.watch(connection.outside.fd(), EPOLLOUT, [this, number](uint32_t) { on_dialled(number); }))
    close(number, ENOMEM);
}

void Forwarder::on_dialled(uint64_t number) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  int error_number = 0;
  socklen_t size = sizeof error_number;
  ::getsockopt(connection.outside.fd(), SOL_SOCKET, SO_ERROR, &error_number, &size);
  loop_.unwatch(connection.outside.fd());
  if (error_number != 0) {
    if (connection.over_v6) return close(number, error_number);
    connection.over_v6 = true;
    return dial(connection);
  }
  connection.dialling = false;
  pump(number);
}

// False when the connection is broken.
bool Forwarder::move_bytes(Connection& connection, Stream& from, Stream& to) {
  if (to.waiting() != 0 && !to.flush()) return false;
  int turns = rate_.holds() ? 1 : kBuffersAtOnce;
  for (int i = 0; i < turns && !from.ended() && !connection.in_line && to.waiting() == 0; ++i) {
    size_t most = rate_.allowance();
    if (most == 0) {
      wait_in_line(connection);
      return true;
    }
    std::string_view bytes;
    switch (from.receive(bytes, most)) {
      case Stream::Got::broken:
        return false;
      case Stream::Got::nothing:
        return true;
      case Stream::Got::end:
        to.end();
        return true;
      case Stream::Got::bytes:
        rate_.take(bytes.size());
        if (!to.send(bytes)) return false;
    }
  }
  return true;
}

void Forwarder::wait_in_line(Connection& connection) {
  connection.in_line = true;
  rate_.wait([this, number = connection.number] {
    auto found = connections_.find(number);
    if (found == connections_.end()) return;
    found->second->in_line = false;
    update_interest(*found->second);
  });
}

void Forwarder::pump(uint64_t number) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  bool whole = move_bytes(connection, connection.inside, connection.outside) &&
               move_bytes(connection, connection.outside, connection.inside);
  if (!whole) return close(number, ECONNRESET);
  if (connection.inside.closed() && connection.outside.closed()) return close(number, 0);
  update_interest(connection);
}

void Forwarder::update_interest(Connection& connection) {
  auto events = [&](const Stream& stream, const Stream& other) {
    return (stream.ended() || connection.in_line || other.waiting() != 0 ? 0u : uint32_t{EPOLLIN}) |
           (stream.waiting() != 0 ? uint32_t{EPOLLOUT} : 0u);
  };
  uint64_t number = connection.number;
  auto again = [this, number](uint32_t) { pump(number); };
  connection.inside.wait_for(loop_, events(connection.inside, connection.outside), again);
  connection.outside.wait_for(loop_, events(connection.outside, connection.inside), again);
}

void Forwarder::close(uint64_t number, int error_number) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  std::string event =
      encode_event(number, connection.port, connection.outside.received(), connection.inside.received(), error_number);
  if (connection.dialling && connection.outside) loop_.unwatch(connection.outside.fd());
  connection.outside.close(loop_);
  // A reset, not an orderly end: the program inside sees a failure, as it would without us.
  error_number != 0 ? connection.inside.reset(loop_) : connection.inside.close(loop_);
  connections_.erase(found);
  // A supervisor that is gone takes this process with it; there is nobody left to tell.
  static_cast<void>(shimwire::send_packet(supervisor_, static_cast<uint8_t>(shimwire::Gateway::closed), event));
  for (const base::Fd& listener : listeners_) static_cast<void>(loop_.modify(listener.get(), EPOLLIN));
}

}  // namespace hv::gateway
