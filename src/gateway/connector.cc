#include "gateway/connector.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "gateway/nat64.h"
#include "network/address_class.h"

namespace hv::gateway {

using base::Result;

namespace {

constexpr std::chrono::seconds kProxyAnswers{30};

}  // namespace

std::string errno_name(int number) {
  const char* name = ::strerrorname_np(number);
  return name != nullptr ? std::string(name) : std::to_string(number);
}

std::shared_ptr<Connector> Connector::start(Surroundings& around, core::Host host, uint16_t port,
                                            network::Target target, Done done) {
  std::shared_ptr<Connector> self(new Connector(around, std::move(host), port, std::move(target), std::move(done)));
  if (const UpstreamProxy* proxy = around.proxy.choose(self->host_, port)) {
    self->through_proxy(*proxy);
  } else if (self->host_.address) {
    self->find_translation({*self->host_.address});
  } else {
    // A lookup is shared and goes on when this connection has gone.
    around.resolver.resolve(self->host_.name, [weak = std::weak_ptr(self)](const Result<Resolver::Addresses>& found) {
      auto alive = weak.lock();
      if (!alive) return;
      if (!found) return alive->fail(found.error().message());
      alive->find_translation(*found);
    });
  }
  return self;
}

// Before any IPv6 address is judged it has to be known whether this network translates. Asked each time: the resolver
// remembers, and networks change.
void Connector::find_translation(const Resolver::Addresses& addresses) {
  if (std::ranges::none_of(addresses, &core::IpAddress::v6)) return on_addresses(addresses);
  around_.resolver.resolve(std::string(kIpv4OnlyName),
                           [weak = weak_from_this(), addresses](const Result<Resolver::Addresses>& found) {
                             auto alive = weak.lock();
                             if (!alive) return;
                             if (found) alive->around_.nat64 = translation_prefixes(*found);
                             alive->on_addresses(addresses);
                           });
}

Connector::~Connector() {
  if (socket_) around_.loop.unwatch(socket_.get());
  if (deadline_ != 0) around_.loop.cancel(deadline_);
}

// The proxy is the user's own choice, wherever it is; what is behind it was decided by name.
void Connector::through_proxy(const UpstreamProxy& proxy) {
  handshake_.emplace(proxy, host_, port_);
  if (proxy.host.address) return dial({*proxy.host.address}, proxy.port);
  around_.resolver.resolve(proxy.host.name,
                           [weak = weak_from_this(), port = proxy.port](const Result<Resolver::Addresses>& found) {
                             auto alive = weak.lock();
                             if (!alive) return;
                             if (!found) return alive->fail("the host's proxy: " + found.error().message());
                             alive->dial(*found, port);
                           });
}

void Connector::on_addresses(const Resolver::Addresses& addresses) {
  Resolver::Addresses allowed;
  std::optional<Refusal> refusal;
  for (const core::IpAddress& address : addresses) {
    target_.address = address;
    target_.is_hosts_own = around_.is_hosts_own(address);
    network::Decision decision = network::decide(around_.policy, target_, around_.nat64);
    if (decision.verdict == core::Verdict::allow) {
      allowed.push_back(address);
      // A public one needs no more than its name does.
      bool is_special =
          target_.is_hosts_own || network::classify(address, around_.nat64) != network::AddressClass::global;
      if (is_special && decision.rule != nullptr && decision.rule->private_addresses)
        private_.push_back({address, decision.rule_text, decision.origin});
    } else if (!refusal) {
      refusal = Refusal::by(decision, around_.sandbox);
    }
  }
  if (!allowed.empty()) return dial(std::move(allowed), port_);
  if (refusal) return finish(std::unexpected(Failed{std::move(refusal), {}, EACCES}));
  fail("the name has no address");
}

void Connector::dial(Resolver::Addresses addresses, uint16_t port) {
  dial_ = Dial::start(around_.loop, std::move(addresses), port,
                      [this](Result<Dialled> dialled) { on_dialled(std::move(dialled)); });
}

void Connector::on_dialled(Result<Dialled> dialled) {
  if (!dialled) {
    int number = dialled.error().os_error();
    return fail((handshake_ ? "the host's proxy: " : "") + errno_name(number), number);
  }
  address_ = dialled->address.text();
  if (!handshake_) {
    Connected connected{std::move(dialled->socket), address_, {}};
    for (ByPrivateRule& by : private_)
      if (by.address == dialled->address) {
        connected.rule = std::move(by.rule);
        connected.origin = std::move(by.origin);
      }
    return finish(std::move(connected));
  }
  socket_ = std::move(dialled->socket);
  std::string hello = handshake_->take_output();
  // The first bytes on a fresh connection fit into its buffer.
  if (::send(socket_.get(), hello.data(), hello.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(hello.size()))
    return fail("the host's proxy: broken connection", ECONNRESET);
  deadline_ = around_.loop.after(kProxyAnswers, [this] {
    deadline_ = 0;
    fail("the host's proxy does not answer", ETIMEDOUT);
  });
  if (!around_.loop.watch(socket_.get(), EPOLLIN, [this](uint32_t) { on_proxy(); })) fail("ENOMEM", ENOMEM);
}

void Connector::on_proxy() {
  std::array<char, 4096> buffer;
  ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return fail("the host's proxy: broken connection", ECONNRESET);
  std::string_view bytes(buffer.data(), static_cast<size_t>(count));
  size_t used = handshake_->feed(bytes);
  std::string answer = handshake_->take_output();
  if (!answer.empty()) static_cast<void>(::send(socket_.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
  if (handshake_->state() == ProxyHandshake::State::need_more) return;
  if (handshake_->state() == ProxyHandshake::State::failed) return fail(handshake_->reason(), ECONNREFUSED);
  around_.loop.unwatch(socket_.get());
  finish(Connected{std::move(socket_), address_, std::string(bytes.substr(used))});
}

void Connector::fail(std::string error, int error_number) {
  finish(std::unexpected(Failed{std::nullopt, std::move(error), error_number}));
}

void Connector::finish(std::expected<Connected, Failed> result) {
  if (!done_) return;
  auto self = weak_from_this().lock();
  if (socket_) around_.loop.unwatch(socket_.get());
  if (deadline_ != 0) around_.loop.cancel(deadline_);
  deadline_ = 0;
  Done done = std::exchange(done_, nullptr);
  done(std::move(result));
}

}  // namespace hv::gateway
