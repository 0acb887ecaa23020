// Names to addresses, outside: /etc/hosts, then the host's own servers, with a cache that believes their times. Only
// asked for what a rule allows, and only when a connection is made.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "core/address.h"
#include "gateway/dns_exchange.h"
#include "gateway/resolver_config.h"

namespace hv::gateway {

class Resolver {
 public:
  // IPv6 before IPv4, each in the server's order, alternating.
  using Addresses = std::vector<core::IpAddress>;
  using Done = std::function<void(const base::Result<Addresses>& addresses)>;

  struct Files {
    std::string resolv_conf = "/etc/resolv.conf";
    std::string hosts = "/etc/hosts";
    uint16_t port = DnsExchange::kPort;  // tests have their own
  };
  Resolver(base::EventLoop& loop, Files files);
  ~Resolver();

  // `done` may run before this returns. A name that does not exist is not_found.
  void resolve(const std::string& name, Done done);

 private:
  struct Lookup;
  struct Cached {
    Addresses addresses;  // none: the name has no address
    std::chrono::steady_clock::time_point until;
  };
  static constexpr size_t kMostCached = 1024;
  void read_config();
  void remember(const std::string& name, Addresses addresses, std::chrono::seconds time);
  void ask(Lookup& lookup);
  void ask_family(Lookup& lookup, network::DnsType type);
  void on_reply(Lookup& lookup, network::DnsType type, base::Result<network::DnsReply> reply);
  void settle(Lookup& lookup);
  void finish(Lookup& lookup, base::Result<Addresses> addresses);

  base::EventLoop& loop_;
  Files files_;
  ResolverConfig config_;
  std::string hosts_;
  std::string stamp_;  // of both files, when they were read
  std::chrono::steady_clock::time_point looked_{};
  std::unordered_map<std::string, std::unique_ptr<Lookup>> lookups_;
  std::unordered_map<std::string, Cached> cache_;
};

// `v6` and `v4` as RFC 8305 wants them tried.
Resolver::Addresses interleave(const Resolver::Addresses& v6, const Resolver::Addresses& v4);

}  // namespace hv::gateway
