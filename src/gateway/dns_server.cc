#include "gateway/dns_server.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "gateway/socket_address.h"

namespace hv::gateway {

using core::IpAddress;
using core::NetworkEvent;
using core::Verdict;
using network::DnsAnswer;
using network::DnsData;
using network::DnsQuery;
using network::DnsType;

namespace {

constexpr uint32_t kTtl = 60;        // the map keeps a name's address for longer than that
constexpr uint32_t kRefusedTtl = 5;  // a rule may be added while the sandbox runs
constexpr int kMostAtOnce = 32;      // datagrams, before others have their turn
constexpr int kStreamSweeps = 10;
constexpr int kLookAgain = 10;  // sweeps between two looks at the host's routes
constexpr size_t kMostPending = 128 * 1024;

std::string type_name(DnsType type) {
  switch (type) {
    case DnsType::a:
      return "A";
    case DnsType::aaaa:
      return "AAAA";
    case DnsType::ptr:
      return "PTR";
    case DnsType::https:
      return "HTTPS";
    case DnsType::svcb:
      return "SVCB";
    case DnsType::txt:
      return "TXT";
    case DnsType::mx:
      return "MX";
    case DnsType::srv:
      return "SRV";
    case DnsType::ns:
      return "NS";
    case DnsType::soa:
      return "SOA";
    case DnsType::any:
      return "ANY";
    default:
      return "TYPE" + std::to_string(static_cast<unsigned>(type));
  }
}

DnsData to_data(const IpAddress& address) {
  if (address.v6) return network::Ipv6Bytes(address.bytes);
  network::Ipv4Bytes v4{};
  std::copy_n(address.bytes.begin(), v4.size(), v4.begin());
  return v4;
}

DnsAnswer addresses(const DnsQuery& query, const IpAddress& v4, const std::optional<IpAddress>& v6, uint32_t ttl) {
  if (query.type == DnsType::a || query.type == DnsType::any) return {network::DnsCode::no_error, {to_data(v4)}, ttl};
  if (query.type == DnsType::aaaa && v6) return {network::DnsCode::no_error, {to_data(*v6)}, ttl};
  return DnsAnswer::none(ttl);
}

bool is_below(const std::string& name, std::string_view domain) {
  return name == domain ||
         (name.size() > domain.size() && name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.');
}

// Names that mean the sandbox itself: programs on its loopback, and the host's services, which listen there too.
bool means_loopback(const std::string& name, const Surroundings& around) {
  return is_below(name, "localhost") || name == around.sandbox || name == core::kHostName;
}

std::optional<DnsAnswer> answer_reverse(Surroundings& around, const DnsQuery& query) {
  auto wanted = network::reverse_address(query.name);
  if (!wanted) return std::nullopt;
  IpAddress address;
  if (const auto* v6 = std::get_if<network::Ipv6Bytes>(&*wanted)) {
    address = IpAddress::from_v6(*v6);
  } else {
    std::ranges::copy(std::get<network::Ipv4Bytes>(*wanted), address.bytes.begin());
  }
  std::optional<std::string> name = around.names.name_of(address);
  if (address == IpAddress::from_v4(0x7f000001)) name = "localhost";
  if (!name) return DnsAnswer::no_such_name(kRefusedTtl);
  auto data = network::DnsName::from_text(*name);
  if (!data || query.type != DnsType::ptr) return DnsAnswer::none(kTtl);
  return DnsAnswer{network::DnsCode::no_error, {*data}, kTtl};
}

}  // namespace

bool host_has_ipv6() {
  base::Fd socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Any global address: connect() on a datagram socket only looks up the route.
  SocketAddress somewhere = to_socket_address(*core::parse_address("2600::1"), 53);
  return socket && ::connect(socket.get(), somewhere.get(), somewhere.size) == 0;
}

DnsVerdict answer_query(Surroundings& around, const DnsQuery& query, bool v6) {
  DnsVerdict verdict;
  NetworkEvent& event = verdict.event;
  event.kind = NetworkEvent::Kind::dns;
  event.name = query.name.text();
  event.protocol = type_name(query.type);
  event.port = 53;
  if (query.dns_class != network::kDnsInternet) {
    event.rule = "class";
    verdict.answer = DnsAnswer::failure(network::DnsCode::refused);
    return verdict;
  }
  if (auto reverse = answer_reverse(around, query)) {
    bool known = reverse->code == network::DnsCode::no_error;
    event.verdict = known ? Verdict::allow : Verdict::deny;
    event.rule = "the sandbox's addresses";
    verdict.answer = *std::move(reverse);
    return verdict;
  }
  if (means_loopback(event.name, around)) {
    event.verdict = Verdict::allow;
    event.rule = "the sandbox itself";
    verdict.answer = addresses(query, IpAddress::from_v4(0x7f000001), *core::parse_address("::1"), kTtl);
    return verdict;
  }
  network::Decision decision;
  decision.rule_text = "no host name";
  if (query.name.is_host_name()) decision = network::decide_name(around.policy, event.name);
  event.verdict = decision.verdict;
  event.rule = decision.rule_text;
  event.origin = decision.origin;
  if (decision.verdict == Verdict::deny) {
    event.error = decision.reason;
    bool exists = network::has_names_below(around.policy, event.name);
    verdict.answer = exists ? DnsAnswer::none(kRefusedTtl) : DnsAnswer::no_such_name(kRefusedTtl);
    return verdict;
  }
  auto given = around.names.addresses_of(event.name);
  if (!given) {
    event.verdict = Verdict::deny;
    event.error = given.error().message();
    verdict.answer = DnsAnswer::failure(network::DnsCode::server_failure);
    return verdict;
  }
  verdict.answer = addresses(query, given->v4, v6 ? std::optional(given->v6) : std::nullopt, kTtl);
  if (!verdict.answer.records.empty()) event.address = (query.type == DnsType::aaaa ? given->v6 : given->v4).text();
  return verdict;
}

DnsServer::~DnsServer() {
  for (const base::Fd& socket : sockets_) around_.loop.unwatch(socket.get());
  for (Stream& stream : streams_) around_.loop.unwatch(stream.socket.get());
}

std::string DnsServer::answer(std::string_view message, network::DnsTransport transport) {
  auto query = network::parse_query(message);
  if (!query) {
    NetworkEvent event;
    event.kind = NetworkEvent::Kind::dns;
    event.port = 53;
    event.rule = "strict DNS";
    event.error = query.error().reason;
    around_.refusals.add(event);
    return query.error().answer;
  }
  DnsVerdict verdict = answer_query(around_, *query, v6_);
  // Questions have no effect outside, so none waits for its record; the same one again is only counted.
  around_.refusals.add(verdict.event);
  return network::write_answer(*query, verdict.answer, transport);
}

base::Status DnsServer::serve_datagrams(base::Fd socket) {
  int fd = socket.get();
  HV_TRY(base::set_nonblocking(fd, true));
  HV_TRY(around_.loop.watch(fd, EPOLLIN, [this, fd](uint32_t) { on_datagrams(fd); }));
  sockets_.push_back(std::move(socket));
  return {};
}

void DnsServer::pause(bool paused) {
  if (std::exchange(paused_, paused) == paused) return;
  for (int listener : listeners_)
    static_cast<void>(around_.loop.modify(listener, paused ? uint32_t{0} : uint32_t{EPOLLIN}));
}

void DnsServer::on_datagrams(int socket) {
  std::array<char, 4096> buffer;
  alignas(cmsghdr) std::array<char, 256> control;
  for (int i = 0; i < kMostAtOnce; ++i) {
    sockaddr_storage from{};
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t count = ::recvmsg(socket, &message, 0);
    if (count < 0) return;
    std::string bytes = answer({buffer.data(), static_cast<size_t>(count)}, network::DnsTransport::udp);
    if (bytes.empty()) continue;
    // The packet information goes back as it came: the answer leaves from the address that was asked.
    part = {bytes.data(), bytes.size()};
    // A client that has gone does not miss it.
    static_cast<void>(::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
  }
}

base::Status DnsServer::serve_streams(base::Fd listener) {
  int fd = listener.get();
  HV_TRY(base::set_nonblocking(fd, true));
  HV_TRY(around_.loop.watch(fd, EPOLLIN, [this, fd](uint32_t) { accept(fd); }));
  listeners_.push_back(fd);
  sockets_.push_back(std::move(listener));
  return {};
}

void DnsServer::accept(int listener) {
  base::Fd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  // Out of descriptors, it would be called again at once for as long as the client waits.
  bool is_short = !socket && (errno == EMFILE || errno == ENFILE || errno == ENOMEM);
  if (is_short && streams_.empty()) return pause(true);
  // The one that has been silent longest makes room.
  if (is_short || streams_.size() >= kMostStreams)
    close(std::ranges::max_element(streams_, {}, [](const Stream& stream) { return stream.age; }));
  if (!socket) return;
  int fd = socket.get();
  streams_.push_front({std::move(socket), {}, {}});
  auto stream = streams_.begin();
  if (!around_.loop.watch(fd, EPOLLIN, [this, stream](uint32_t events) { on_stream(stream, events); }))
    streams_.pop_front();
}

void DnsServer::on_stream(std::list<Stream>::iterator stream, uint32_t events) {
  if ((events & ~uint32_t{EPOLLOUT}) != 0) {
    std::array<char, 4096> buffer;
    ssize_t count = ::recv(stream->socket.get(), buffer.data(), buffer.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return close(stream);
    if (count > 0) stream->in.append(buffer.data(), static_cast<size_t>(count));
    stream->age = 0;
  }
  auto whole = [&]() -> size_t {
    if (stream->in.size() < 2) return 0;
    size_t size = static_cast<size_t>(static_cast<uint8_t>(stream->in[0])) << 8 | static_cast<uint8_t>(stream->in[1]);
    return stream->in.size() >= size + 2 ? size + 2 : 0;
  };
  while (stream->out.size() < kMostPending && whole() != 0) {
    size_t size = whole() - 2;
    std::string bytes = answer(std::string_view(stream->in).substr(2, size), network::DnsTransport::tcp);
    stream->in.erase(0, size + 2);
    if (bytes.empty()) return close(stream);
    stream->out += static_cast<char>(bytes.size() >> 8);
    stream->out += static_cast<char>(bytes.size() & 0xff);
    stream->out += bytes;
  }
  if (!stream->out.empty()) {
    ssize_t sent = ::send(stream->socket.get(), stream->out.data(), stream->out.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return close(stream);
    if (sent > 0) stream->out.erase(0, static_cast<size_t>(sent));
  }
  // One who does not read its answers is not read either.
  uint32_t wanted = stream->out.empty() && whole() == 0 ? uint32_t{EPOLLIN} : uint32_t{EPOLLOUT};
  static_cast<void>(around_.loop.modify(stream->socket.get(), wanted));
}

void DnsServer::close(std::list<Stream>::iterator stream) {
  around_.loop.unwatch(stream->socket.get());
  streams_.erase(stream);
}

void DnsServer::sweep() {
  for (auto stream = streams_.begin(); stream != streams_.end();) {
    auto next = std::next(stream);
    if (++stream->age > kStreamSweeps) close(stream);
    stream = next;
  }
  pause(false);
  // Networks come and go.
  if (++sweeps_ % kLookAgain == 0) v6_ = host_has_ipv6();
}

}  // namespace hv::gateway
