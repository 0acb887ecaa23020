// core::EgressPolicy, core::Flow and core::NetworkEvent as bytes: the policy travels to the gateway at the start and on
// every change, the others come back.
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

void visit(auto& v, auto& m, core::IpAddress*) {
  v(m.v6);
  for (auto& byte : m.bytes) v(byte);
}
void visit(auto& v, auto& m, core::AddressRange*) {
  each(v, m.first, m.length);
  if constexpr (requires { v.reader; })
    if (m.length > (m.first.v6 ? 128 : 32)) v.reader.fail();
}
void visit(auto& v, auto& m, core::HostPattern*) {
  each(v, m.kind, m.name, m.range);
}
void visit(auto& v, auto& m, core::Flow*) {
  each(v, m.source, m.source_port, m.target, m.target_port);
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

std::string encode(const core::Flow& flow);
base::Result<core::Flow> decode_flow(std::string_view data);
std::string encode(const core::EgressPolicy& policy);
base::Result<core::EgressPolicy> decode_egress_policy(std::string_view data);
std::string encode(const core::NetworkEvent& event);
base::Result<core::NetworkEvent> decode_network_event(std::string_view data);

}  // namespace hv::shimwire
