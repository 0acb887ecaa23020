// From a permitted host and port to a connected socket: resolve, hold every address against the policy, dial exactly
// the addresses that passed, or go through the host's own proxy.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "gateway/dialer.h"
#include "gateway/refusal.h"
#include "gateway/surroundings.h"

namespace hv::gateway {

class Connector : public std::enable_shared_from_this<Connector> {
 public:
  struct Connected {
    base::Fd socket;
    std::string address;  // dialled: the proxy's where there is one
    std::string early;    // bytes of the server that came behind the proxy's answer
    // Of a private address: the rule that allowed it, which need not be the one that allowed the name.
    std::string rule = {};
    std::string origin = {};
  };
  struct Failed {
    std::optional<Refusal> refusal;  // the policy forbids every address that the name has
    std::string error;               // errno's name, or a phrase
    int error_number = 0;
  };
  using Done = std::function<void(std::expected<Connected, Failed> result)>;

  // `target` says what is known of the request, so that its addresses are judged by the same rules. `done` runs once,
  // perhaps within this call; never after the connector is destroyed.
  static std::shared_ptr<Connector> start(Surroundings& around, core::Host host, uint16_t port, network::Target target,
                                          Done done);
  ~Connector();

 private:
  Connector(Surroundings& around, core::Host host, uint16_t port, network::Target target, Done done)
      : around_(around), host_(std::move(host)), port_(port), target_(std::move(target)), done_(std::move(done)) {}
  void through_proxy(const UpstreamProxy& proxy);
  void find_translation(const Resolver::Addresses& addresses);
  void on_addresses(const Resolver::Addresses& addresses);
  void dial(Resolver::Addresses addresses, uint16_t port);
  void on_dialled(base::Result<Dialled> dialled);
  void on_proxy();
  void finish(std::expected<Connected, Failed> result);
  void fail(std::string error, int error_number = 0);

  Surroundings& around_;
  core::Host host_;
  uint16_t port_;
  network::Target target_;
  Done done_;
  std::unique_ptr<Dial> dial_;
  std::optional<ProxyHandshake> handshake_;
  base::Fd socket_;
  std::string address_;
  struct ByPrivateRule {
    core::IpAddress address;
    std::string rule;
    std::string origin;
  };
  std::vector<ByPrivateRule> private_;
  base::EventLoop::TimerId deadline_ = 0;
};

// errno's name: "ECONNREFUSED".
std::string errno_name(int number);

}  // namespace hv::gateway
