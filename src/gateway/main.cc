// hydravisor-gateway: the only way out of a sandbox. Started by the supervisor with its socket as descriptor 3, on
// which the sockets of the sandbox's namespace come first, with one letter for each, which says what it is for
// (isolation::GatewaySocket). The process first started keeps them and reads nothing else; its child does the work, and
// is replaced when it dies.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string_view>

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/event_loop.h"
#include "gateway/confine.h"
#include "gateway/forwarder.h"
#include "gateway/gate.h"
#include "gateway/socket_address.h"
#include "isolation/egress_net.h"
#include "shimwire/channel.h"
#include "shimwire/egress_codec.h"
#include "shimwire/protocol.h"

namespace {

using hv::base::Fd;
using hv::base::Result;
using hv::base::Status;
using hv::isolation::GatewaySocket;
using hv::shimwire::Gateway;

constexpr int kSupervisor = 3;
// A gateway that dies again and again is not replaced for ever: the sandbox's network then ends.
constexpr int kMostDeaths = 5;
constexpr std::chrono::seconds kDeathsWithin{60};

uint16_t port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return hv::gateway::port_of(address);
}

bool is_host_port(char use) {
  return use == static_cast<char>(GatewaySocket::host_port);
}

struct Socket {
  char use;
  Fd fd;
};

Result<std::vector<Socket>> receive_sockets() {
  std::vector<Socket> sockets;
  for (bool more = true; more;) {
    hv::shimwire::Packet packet = HV_TRY(hv::shimwire::receive_packet(kSupervisor));
    auto listeners = HV_TRY(hv::shimwire::decode<hv::shimwire::InitListeners>(packet.body));
    if (packet.type != static_cast<uint8_t>(Gateway::sockets) || listeners.uses.size() != packet.fds.size())
      return hv::base::Failure(hv::base::internal_error("the supervisor said something unexpected"));
    for (size_t i = 0; i < packet.fds.size(); ++i) sockets.push_back({listeners.uses[i], std::move(packet.fds[i])});
    more = listeners.more;
  }
  return sockets;
}

// The ports that may be dialled, where only host ports are: with names anything may be.
std::optional<std::vector<uint16_t>> only_ports(const std::vector<Socket>& sockets) {
  std::vector<uint16_t> ports;
  for (const Socket& socket : sockets) {
    if (!is_host_port(socket.use)) return std::nullopt;
    ports.push_back(port_of(socket.fd.get()));
  }
  return ports;
}

Result<hv::shimwire::Packet> ask_for_setup() {
  HV_TRY(hv::shimwire::send_packet(kSupervisor, static_cast<uint8_t>(Gateway::hello), {}));
  for (;;) {
    hv::shimwire::Packet packet = HV_TRY(hv::shimwire::receive_packet(kSupervisor));
    // Answers to the questions of one that has died may come first.
    if (packet.type == static_cast<uint8_t>(Gateway::setup)) return packet;
  }
}

// Everything of the names' way out, made when the policy opens it.
struct Network {
  hv::gateway::SupervisorLink link{kSupervisor};
  hv::gateway::RateBound& rate;
  std::unique_ptr<hv::gateway::Resolver> resolver;
  std::unique_ptr<hv::gateway::Surroundings> around;
  std::unique_ptr<hv::gateway::Gate> gate;

  explicit Network(hv::gateway::RateBound& bound) : rate(bound) {}
  Status open(hv::base::EventLoop& loop, const hv::shimwire::GatewaySetup& setup, Fd map);
  Status give(char use, Fd socket);
};

Status Network::open(hv::base::EventLoop& loop, const hv::shimwire::GatewaySetup& setup, Fd map) {
  resolver = std::make_unique<hv::gateway::Resolver>(loop, hv::gateway::Resolver::Files());
  hv::network::AddressMap::Options options;
  options.sandbox_id = setup.sandbox_id;
  auto seconds = [] {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(hv::base::system_clock().monotonic()).count());
  };
  around.reset(new hv::gateway::Surroundings{
      loop,
      rate,
      link,
      *resolver,
      setup.sandbox_name,
      HV_TRY(hv::shimwire::decode_egress_policy(setup.policy)),
      HV_TRY(hv::network::AddressMap::open(std::move(map), std::move(options), seconds)),
      HV_TRY(hv::gateway::ProxySettings::from_environment(setup.proxy_environment)),
      {},
      hv::gateway::Folder([this](const hv::core::NetworkEvent& event) { link.told(event); })});
  around->is_hosts_own = hv::gateway::leads_to_this_host;
  hv::gateway::Gate::Limits limits;
  limits.connections = hv::gateway::most_connections(limits.connections);
  gate = std::make_unique<hv::gateway::Gate>(*around, setup.last_connection, limits);
  return {};
}

Status Network::give(char use, Fd socket) {
  switch (static_cast<GatewaySocket>(use)) {
    case GatewaySocket::redirect:
      return gate->listen_redirected(std::move(socket));
    case GatewaySocket::proxy:
      return gate->listen_proxied(std::move(socket));
    case GatewaySocket::dns_datagram:
      return gate->serve_dns(std::move(socket), true);
    case GatewaySocket::dns_stream:
      return gate->serve_dns(std::move(socket), false);
    case GatewaySocket::refused:
      return gate->hear_refused(std::move(socket));
    case GatewaySocket::host_port:
    case GatewaySocket::sockets:
      break;
  }
  return hv::base::Failure(hv::base::invalid_argument("a socket of an unknown use"));
}

Status serve(std::vector<Socket> sockets) {
  HV_TRY(hv::gateway::confine_calls());
  hv::base::EventLoop loop = HV_TRY(hv::base::EventLoop::create());
  hv::shimwire::Packet packet = HV_TRY(ask_for_setup());
  auto setup = HV_TRY(hv::shimwire::decode<hv::shimwire::GatewaySetup>(packet.body));
  hv::gateway::RateBound rate(loop);
  rate.set(setup.bytes_per_second);
  hv::gateway::Forwarder forwarder(loop, rate, kSupervisor);
  Network network(rate);
  if (!setup.policy.empty() && packet.fds.size() == 1) HV_TRY(network.open(loop, setup, std::move(packet.fds[0])));
  for (Socket& socket : sockets) {
    if (is_host_port(socket.use)) {
      HV_TRY(forwarder.listen(std::move(socket.fd)));
    } else if (network.gate) {
      HV_TRY(network.give(socket.use, std::move(socket.fd)));
    }
  }
  HV_TRY(loop.watch(kSupervisor, EPOLLIN, [&](uint32_t) {
    auto message = hv::shimwire::receive_packet(kSupervisor);
    if (!message) return loop.stop();
    hv::shimwire::Reader reader(message->body);
    switch (static_cast<Gateway>(message->type)) {
      case Gateway::proceed:
        if (uint64_t number = reader.u64(); reader.finish()) forwarder.proceed(number);
        return;
      case Gateway::recorded:
        if (uint64_t number = reader.u64(); reader.finish()) network.link.recorded(number);
        return;
      case Gateway::policy:
        if (auto policy = hv::shimwire::decode_egress_policy(message->body); policy && network.gate)
          network.gate->set_policy(*std::move(policy));
        return;
      case Gateway::rate:
        if (uint64_t bytes_per_second = reader.u64(); reader.finish()) rate.set(bytes_per_second);
        return;
      default:
        return;
    }
  }));
  HV_TRY(loop.run());
  forwarder.end();
  if (network.gate) network.gate->end();
  // Whoever waits for the last words need not wait for two processes to end.
  static_cast<void>(hv::shimwire::send_packet(kSupervisor, static_cast<uint8_t>(Gateway::done), {}));
  return {};
}

// Forks the process that serves, and another when it dies.
int keep(std::vector<Socket> sockets) {
  pid_t keeper = ::getpid();
  auto first = std::chrono::steady_clock::now();
  for (int deaths = 0; deaths < kMostDeaths;) {
    pid_t pid = ::fork();
    if (pid < 0) return 125;
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != keeper) ::_exit(125);
      // Its own copies: the keeper's stay open for the next.
      Status served = serve(std::move(sockets));
      // A supervisor that has gone does not miss it.
      if (!served)
        static_cast<void>(hv::shimwire::send_packet(kSupervisor, static_cast<uint8_t>(Gateway::failed),
                                                    hv::shimwire::encode(hv::shimwire::to_problem(served.error()))));
      ::_exit(served ? 0 : 125);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    auto now = std::chrono::steady_clock::now();
    if (now - first > kDeathsWithin) {
      first = now;
      deaths = 0;
    }
    ++deaths;
  }
  return 125;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || std::string_view(argv[1]) != "serve") {
    std::fputs("hydravisor-gateway is started by hydravisor-supervisor and is not meant to be run by hand\n", stderr);
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  pid_t supervisor = ::getppid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto sockets = receive_sockets();
  if (!sockets || !hv::gateway::confine_rights(only_ports(*sockets))) return 125;
  // Set after the change of ids, which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) return 125;
  return keep(*std::move(sockets));
}
