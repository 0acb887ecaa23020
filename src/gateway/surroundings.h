// What every connection and every question to DNS of one sandbox shares.
#pragma once

#include <string>
#include <vector>

#include "base/event_loop.h"
#include "core/egress.h"
#include "gateway/folder.h"
#include "gateway/rate_bound.h"
#include "gateway/resolver.h"
#include "gateway/supervisor_link.h"
#include "gateway/upstream_proxy.h"
#include "network/address_map.h"
#include "network/egress_rules.h"

namespace hv::gateway {

struct Surroundings {
  base::EventLoop& loop;
  RateBound& rate;
  Recorder& recorder;
  Resolver& resolver;
  std::string sandbox;  // its name
  core::EgressPolicy policy;
  network::AddressMap names;
  ProxySettings proxy;
  std::vector<core::AddressRange> nat64 = {};  // translation prefixes of this host's network
  Folder refusals;                             // tells `recorder`
  // Bytes that connections hold back at this moment, because they are not judged yet or their other side does not take
  // them. Beyond `most_held` every connection has to do with little.
  size_t held = 0;
  size_t most_held = size_t{16} << 20;
  // Whether the host itself would answer there, whatever kind of address it is.
  bool (*is_hosts_own)(const core::IpAddress& address) = [](const core::IpAddress&) { return false; };

  bool is_crowded() const { return held > most_held; }
};

}  // namespace hv::gateway
