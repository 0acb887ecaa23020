#include "gateway/gate.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "gateway/refused_packets.h"
#include "gateway/socket_address.h"
#include "isolation/egress_net.h"
#include "network/address_class.h"

namespace hv::gateway {

namespace {

constexpr std::chrono::seconds kSweep{1};
constexpr int kFlushEvery = 2;             // sweeps between two tellings of what was only counted
constexpr int kMostAtOnce = 16;            // accepted before others have their turn
constexpr size_t kOtherDescriptors = 256;  // listeners, DNS streams, lookups, dials

}  // namespace

size_t most_connections(size_t wanted) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return 128;
  files.rlim_cur = files.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 2 * kOtherDescriptors) return 64;
  return std::min<size_t>(wanted, (files.rlim_cur - kOtherDescriptors) / 2);
}

Gate::Gate(Surroundings& around, uint64_t last_number, Limits limits)
    : around_(around), limits_(limits), dns_(around), last_number_(last_number) {
  timer_ = around_.loop.after(kSweep, [this] { sweep(); });
}

Gate::~Gate() {
  around_.loop.cancel(timer_);
  for (const auto* sockets : {&listeners_, &refused_})
    for (const base::Fd& socket : *sockets) around_.loop.unwatch(socket.get());
}

base::Status Gate::listen_redirected(base::Fd listener) {
  int fd = listener.get();
  HV_TRY(base::set_nonblocking(fd, true));
  HV_TRY(around_.loop.watch(fd, EPOLLIN, [this, fd](uint32_t) { accept(fd, false); }));
  listeners_.push_back(std::move(listener));
  return {};
}

base::Status Gate::listen_proxied(base::Fd listener) {
  int fd = listener.get();
  HV_TRY(base::set_nonblocking(fd, true));
  HV_TRY(around_.loop.watch(fd, EPOLLIN, [this, fd](uint32_t) { accept(fd, true); }));
  listeners_.push_back(std::move(listener));
  return {};
}

base::Status Gate::serve_dns(base::Fd socket, bool datagrams) {
  return datagrams ? dns_.serve_datagrams(std::move(socket)) : dns_.serve_streams(std::move(socket));
}

void Gate::pause_listeners(bool pause) {
  if (std::exchange(paused_, pause) == pause) return;
  for (const base::Fd& listener : listeners_)
    static_cast<void>(around_.loop.modify(listener.get(), pause ? 0 : uint32_t{EPOLLIN}));
}

void Gate::accept(int listener, bool proxied) {
  for (int i = 0; i < kMostAtOnce; ++i) {
    if (connections_.size() >= limits_.connections) return pause_listeners(true);
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof peer;
    base::Fd inside(::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &peer_size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    // Out of descriptors: tried again when a connection has gone.
    if (!inside && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) return pause_listeners(true);
    if (!inside) return;
    sockaddr_storage destination{};
    if (proxied) {
      socklen_t size = sizeof destination;
      if (::getsockname(inside.get(), reinterpret_cast<sockaddr*>(&destination), &size) != 0) continue;
    } else {
      auto original = isolation::original_destination(inside.get());
      if (!original) continue;
      destination = *original;
      // Somebody inside dialled the listening socket itself.
      if (network::classify(address_of(destination)) == network::AddressClass::loopback) continue;
    }
    core::Flow flow{address_of(peer), address_of(destination), port_of(peer), port_of(destination)};
    uint64_t number = ++last_number_;
    around_.recorder.opened(number, flow);
    auto connection =
        std::make_shared<Connection>(around_, number, std::move(inside), limits_.times, [this](uint64_t gone) {
          connections_.erase(gone);
          pause_listeners(false);
        });
    connections_[number] = connection;
    if (proxied) {
      connection->start_proxied();
    } else {
      connection->start_redirected(flow.target, flow.target_port);
    }
  }
}

base::Status Gate::hear_refused(base::Fd socket) {
  int fd = socket.get();
  HV_TRY(base::set_nonblocking(fd, true));
  HV_TRY(around_.loop.watch(fd, EPOLLIN, [this, fd](uint32_t) { on_refused(fd); }));
  refused_.push_back(std::move(socket));
  return {};
}

void Gate::on_refused(int socket) {
  alignas(8) std::array<char, 32 * 1024> buffer;
  ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (count < 0 && errno == ENOBUFS) {
    core::NetworkEvent lost;
    lost.kind = core::NetworkEvent::Kind::datagram;
    lost.rule = "datagrams";
    lost.error = "a flood: more refused datagrams than could be counted";
    return around_.refusals.add(lost);
  }
  if (count <= 0) return;
  for (core::NetworkEvent& event : read_refused_packets({buffer.data(), static_cast<size_t>(count)})) {
    if (auto address = core::parse_address(event.address)) event.name = around_.names.name_of(*address).value_or("");
    around_.refusals.add(event);
  }
}

void Gate::set_policy(core::EgressPolicy policy) {
  around_.policy = std::move(policy);
  // A copy: what ends leaves the map.
  std::vector<std::shared_ptr<Connection>> all;
  for (const auto& [number, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->recheck();
}

void Gate::end() {
  std::vector<std::shared_ptr<Connection>> all;
  for (const auto& [number, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->end();
  around_.refusals.flush();
}

void Gate::sweep() {
  timer_ = around_.loop.after(kSweep, [this] { sweep(); });
  auto now = Connection::Clock::now();
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(connections_.size());
  for (const auto& [number, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->sweep(now);
  dns_.sweep();
  // What was missing may be there again, also where no connection has ended since.
  pause_listeners(false);
  if (++sweeps_ % kFlushEvery == 0) around_.refusals.flush();
}

}  // namespace hv::gateway
