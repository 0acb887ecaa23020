#include "supervisor/network.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/text.h"
#include "isolation/egress_net.h"
#include "shimwire/egress_codec.h"

namespace hv::supervisor {

using base::Failure;
using base::Fd;
using base::Result;
using base::Status;
using shimwire::FromInit;
using shimwire::Gateway;
using shimwire::SpoolFamily;

namespace {

struct Sockets {
  std::string uses;
  std::vector<Fd> fds;
};

Result<Sockets> receive_sockets(int init) {
  Sockets sockets;
  for (bool more = true; more;) {
    shimwire::Packet packet = HV_TRY(shimwire::receive_packet(init));
    if (packet.type == static_cast<uint8_t>(FromInit::failed))
      return Failure(shimwire::to_error(HV_TRY(shimwire::decode<shimwire::Problem>(packet.body))));
    if (packet.type != static_cast<uint8_t>(FromInit::listeners))
      return Failure(base::internal_error("the sandbox's launcher said something unexpected"));
    auto listeners = HV_TRY(shimwire::decode<shimwire::InitListeners>(packet.body));
    if (listeners.uses.size() != packet.fds.size())
      return Failure(base::internal_error("the sandbox's launcher sent other sockets than it named"));
    sockets.uses += listeners.uses;
    std::ranges::move(packet.fds, std::back_inserter(sockets.fds));
    more = listeners.more;
  }
  return sockets;
}

// Not the gateway's: who reads the agent's bytes learns nothing of its processes.
Fd take_diagnosis(Sockets& sockets) {
  size_t at = sockets.uses.find(static_cast<char>(isolation::GatewaySocket::sockets));
  if (at == std::string::npos) return {};
  Fd taken = std::move(sockets.fds[at]);
  sockets.fds.erase(sockets.fds.begin() + static_cast<ptrdiff_t>(at));
  sockets.uses.erase(at, 1);
  return taken;
}

Status give_sockets(int gateway, const Sockets& sockets) {
  constexpr size_t kAtOnce = 128;  // the kernel takes 253 in a message
  size_t at = 0;
  do {
    shimwire::InitListeners message{sockets.uses.substr(at, kAtOnce), at + kAtOnce < sockets.fds.size()};
    std::vector<int> fds;
    for (size_t i = at; i < at + message.uses.size(); ++i) fds.push_back(sockets.fds[i].get());
    HV_TRY_CONTEXT(
        shimwire::send_packet(gateway, static_cast<uint8_t>(Gateway::sockets), shimwire::encode(message), fds),
        "give the gateway its sockets");
    at += kAtOnce;
  } while (at < sockets.fds.size());
  return {};
}

constexpr size_t kMostProcesses = 8192;

// A number and what it is about; no number, and nothing, when it is too short.
std::pair<uint64_t, std::string_view> split_number(std::string_view body) {
  if (body.size() < sizeof(uint64_t)) return {};
  return {shimwire::Reader(body.substr(0, sizeof(uint64_t))).u64(), body.substr(sizeof(uint64_t))};
}

}  // namespace

Result<std::unique_ptr<Network>> Network::start(base::EventLoop& loop, const core::LaunchSpec& spec, Init init,
                                                int state, GatewayProcess gateway, const Discretion& discretion,
                                                Hooks hooks) {
  std::unique_ptr<Network> network(new Network(loop, spec, discretion, std::move(hooks)));
  network->process_.emplace(std::move(gateway.process));
  network->control_ = std::move(gateway.control);
  Sockets sockets = HV_TRY(receive_sockets(init.control));
  if (Fd diagnosis = take_diagnosis(sockets)) network->owner_.emplace(std::move(diagnosis), init.pid);
  HV_TRY(give_sockets(network->control_.get(), sockets));
  // The gateway gets it as a descriptor: it can open no file to write.
  if (core::opens_network(spec.egress))
    network->map_ = HV_TRY(base::open_file("addresses", O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0600, state));
  HV_TRY(loop.watch(network->control_.get(), EPOLLIN, [self = network.get()](uint32_t) { self->on_gateway(); }));
  return network;
}

// The gateway ends when its socket closes, and at the latest with this process. Started by real root it is another
// user, whom a supervisor without capabilities may not signal: it is only waited for, and not for long.
Network::~Network() {
  if (control_) loop_.unwatch(control_.get());
  control_.close();
  if (!process_) return;
  constexpr int kPatience = 200;  // milliseconds
  pollfd ended{process_->pidfd(), POLLIN, 0};
  if (::poll(&ended, 1, kPatience) == 1) {
    static_cast<void>(process_->wait());
  } else {
    process_->detach();
  }
}

void Network::finish() {
  if (!control_) return;
  loop_.unwatch(control_.get());
  // A command that takes no time ends before the gateway has begun: it has taken no connection yet.
  if (!serves_) return control_.close();
  // It reads this as the end, and sends what it has.
  ::shutdown(control_.get(), SHUT_WR);
  constexpr std::chrono::milliseconds kPatience{300};
  auto until = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd waiting{control_.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) != 1) break;
    Result<shimwire::Packet> packet = shimwire::receive_packet(control_.get());
    if (!packet || packet->type == static_cast<uint8_t>(Gateway::done)) break;
    handle(*packet);
  }
  control_.close();
}

Status Network::set_policy(const core::EgressPolicy& policy) {
  if (!map_)
    return Failure(
        base::conflict("this sandbox was started without a network").with_hint("start it again with --allow HOST"));
  policy_ = policy;
  if (!control_) return Failure(base::unavailable("the sandbox's gateway has ended"));
  return shimwire::send_packet(control_.get(), static_cast<uint8_t>(Gateway::policy), shimwire::encode(policy));
}

void Network::isolate() {
  if (!control_) return;
  if (spec_.host_ports.empty()) {
    static_cast<void>(set_policy({}));
    return;
  }
  policy_ = {};
  failure_ = "a rule of the policy has isolated the sandbox";
  // It reads this as the end; what it still says comes before its socket closes, and on_gateway() tells the rest.
  ::shutdown(control_.get(), SHUT_WR);
}

void Network::set_rate(uint64_t bytes_per_second) {
  // One that has not begun, or takes a dead one's place, is told with its setup.
  rate_ = bytes_per_second;
  if (control_) answer(Gateway::rate, bytes_per_second);
}

void Network::on_gateway() {
  Result<shimwire::Packet> packet = shimwire::receive_packet(control_.get());
  if (packet) return handle(*packet);
  loop_.unwatch(control_.get());
  control_.close();
  attempts_.forget();
  hooks_.lost(failure_.empty() ? "it died too often" : failure_);
}

Status Network::send_setup() {
  shimwire::GatewaySetup setup;
  setup.sandbox_id = spec_.id;
  setup.sandbox_name = spec_.name;
  setup.last_connection = last_connection_;
  setup.bytes_per_second = rate_;
  std::vector<int> fds;
  if (map_) {
    setup.policy = shimwire::encode(policy_);
    setup.proxy_environment = spec_.proxy_environment;
    fds.push_back(map_.get());
  }
  return shimwire::send_packet(control_.get(), static_cast<uint8_t>(Gateway::setup), shimwire::encode(setup), fds);
}

void Network::answer(Gateway type, uint64_t number) {
  shimwire::Writer writer;
  // A gateway that has just died does not miss it, and its successor asks anew.
  static_cast<void>(shimwire::send_packet(control_.get(), static_cast<uint8_t>(type), writer.u64(number).take()));
}

// Recorded before effect: without the record nothing goes out.
void Network::ask(SpoolFamily family, std::string payload, Gateway reply, uint64_t number) {
  size_t size = payload.size();
  attempts_.add(size, [this, family, payload = std::move(payload), reply, number] {
    if (hooks_.record(family, payload)) answer(reply, number);
  });
}

void Network::find_process(uint64_t connection, const core::Flow& flow) {
  if (!owner_) return;
  auto found = owner_->find(flow);
  if (found) processes_[connection] = *std::move(found);
  // Of a connection that was refused nobody says when it ended.
  if (processes_.size() > kMostProcesses) processes_.erase(processes_.begin());
}

void Network::name_process(core::NetworkEvent& event) const {
  auto known = processes_.find(event.connection);
  event.process = known == processes_.end() ? 0 : known->second.pid;
  event.program = known == processes_.end() ? std::string() : known->second.program;
}

void Network::name_process(shimwire::HostPortEvent& event) const {
  auto known = processes_.find(event.connection | shimwire::kHostPortConnection);
  event.pid = known == processes_.end() ? 0 : known->second.pid;
  event.program = known == processes_.end() ? std::string() : known->second.program;
  discretion_.apply(event.program);
}

void Network::tell(SpoolFamily family, const std::string& payload) {
  attempts_.charge(payload.size());
  static_cast<void>(hooks_.record(family, payload));
}

// What the gateway says was shaped by the agent and the internet, but by way of our own encoding: what does not decode
// is dropped, and what was not recorded is not answered.
void Network::handle(const shimwire::Packet& packet) {
  switch (static_cast<Gateway>(packet.type)) {
    case Gateway::hello:
      // The questions of one that has died: its successor gives the same numbers to its own.
      attempts_.forget();
      serves_ = send_setup().has_value() || serves_;
      return;
    case Gateway::connecting: {
      auto event = shimwire::decode<shimwire::HostPortEvent>(packet.body);
      if (!event) return;
      name_process(*event);
      ask(SpoolFamily::host_port_connected, shimwire::encode(*event), Gateway::proceed, event->connection);
      return;
    }
    case Gateway::closed: {
      auto event = shimwire::decode<shimwire::HostPortEvent>(packet.body);
      if (!event) return;
      name_process(*event);
      tell(SpoolFamily::host_port_closed, shimwire::encode(*event));
      processes_.erase(event->connection | shimwire::kHostPortConnection);
      return;
    }
    case Gateway::opened: {
      auto [number, rest] = split_number(packet.body);
      if (auto flow = shimwire::decode_flow(rest)) find_process(number, *flow);
      return;
    }
    case Gateway::attempt: {
      auto [number, rest] = split_number(packet.body);
      auto event = shimwire::decode_network_event(rest);
      if (!event) return;
      last_connection_ = std::max(last_connection_, event->connection);
      name_process(*event);
      discretion_.apply(*event);
      ask(SpoolFamily::network_attempt, shimwire::encode(*event), Gateway::recorded, number);
      return;
    }
    case Gateway::heard:
      static_cast<void>(shimwire::send_packet(control_.get(), static_cast<uint8_t>(Gateway::recorded), packet.body));
      return;
    case Gateway::told: {
      auto event = shimwire::decode_network_event(packet.body);
      if (!event) return;
      name_process(*event);
      discretion_.apply(*event);
      tell(SpoolFamily::network_told, shimwire::encode(*event));
      // Only the end of a connection is told of one that was allowed.
      if (event->verdict == core::Verdict::allow) processes_.erase(event->connection);
      return;
    }
    case Gateway::failed:
      if (auto problem = shimwire::decode<shimwire::Problem>(packet.body))
        failure_ = base::printable(shimwire::to_error(*problem).text());
      return;
    default:
      return;
  }
}

}  // namespace hv::supervisor
