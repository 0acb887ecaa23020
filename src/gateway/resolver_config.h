// How this host finds addresses: resolv.conf(5) and hosts(5). Split DNS is the business of the server that resolv.conf
// names (systemd-resolved's, a VPN's); nsswitch.conf's other sources are not asked.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"

namespace hv::gateway {

struct NameServer {
  core::IpAddress address;
  uint32_t scope = 0;  // interface of a link-local address
  bool operator==(const NameServer&) const = default;
};

struct ResolverConfig {
  std::vector<NameServer> servers;  // at most three, as libc; none: 127.0.0.1
  std::vector<std::string> search;
  int ndots = 1;
  std::chrono::milliseconds timeout{5000};
  int attempts = 2;

  // The names to ask for, in their order, when `name` is wanted.
  std::vector<std::string> candidates(const std::string& name) const;
};

// Lines of another form are passed over.
ResolverConfig parse_resolv_conf(std::string_view text);
// What hosts(5) says about `name`, in its order.
std::vector<core::IpAddress> find_in_hosts(std::string_view text, std::string_view name);

}  // namespace hv::gateway
