// What every connection and every question to DNS of one sandbox shares.
#pragma once

#include <string>
#include <vector>

#include "base/event_loop.h"
#include "core/egress.h"
#include "gateway/folder.h"
#include "gateway/resolver.h"
#include "gateway/supervisor_link.h"
#include "gateway/upstream_proxy.h"
#include "network/address_map.h"
#include "network/egress_rules.h"

namespace hv::gateway {

struct Surroundings {
  base::EventLoop& loop;
  Recorder& recorder;
  Resolver& resolver;
  std::string sandbox;  // its name
  core::EgressPolicy policy;
  network::AddressMap names;
  ProxySettings proxy;
  std::vector<core::AddressRange> nat64 = {};  // translation prefixes of this host's network
  Folder refusals;                             // tells `recorder`
};

}  // namespace hv::gateway
