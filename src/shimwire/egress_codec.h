// core::EgressPolicy and core::NetworkEvent as bytes: the policy travels to the gateway at the start and on every
// change, the events come back.
#pragma once

#include "core/egress.h"
#include "shimwire/visit.h"

namespace hv::shimwire {

template <>
struct Last<core::Verdict> {
  static constexpr auto value = core::Verdict::deny;
};
template <>
struct Last<core::HostPattern::Kind> {
  static constexpr auto value = core::HostPattern::Kind::group;
};

void visit(auto& v, auto& m, core::AddressRange*) {
  each(v, m.first.v6, m.length);
  for (auto& byte : m.first.bytes) v(byte);
  if constexpr (requires { v.reader; })
    if (m.length > (m.first.v6 ? 128 : 32)) v.reader.fail();
}
void visit(auto& v, auto& m, core::HostPattern*) {
  each(v, m.kind, m.name, m.range);
}
void visit(auto& v, auto& m, core::PortRange*) {
  each(v, m.first, m.last);
}
void visit(auto& v, auto& m, core::EgressRule*) {
  each(v, m.verdict, m.host, m.ports, m.methods, m.path, m.private_addresses, m.origin);
}
void visit(auto& v, auto& m, core::EgressPolicy*) {
  each(v, m.fallback, m.rules, m.host_services);
}

std::string encode(const core::EgressPolicy& policy);
base::Result<core::EgressPolicy> decode_egress_policy(std::string_view data);
std::string encode(const core::NetworkEvent& event);
base::Result<core::NetworkEvent> decode_network_event(std::string_view data);

}  // namespace hv::shimwire
