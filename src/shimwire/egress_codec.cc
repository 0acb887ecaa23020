#include "shimwire/egress_codec.h"

namespace hv::shimwire {

template <>
struct Last<core::NetworkEvent::Kind> {
  static constexpr auto value = core::NetworkEvent::Kind::datagram;
};

static void visit(auto& v, auto& m, core::NetworkEvent*) {
  each(v, m.kind, m.connection, m.process, m.program, m.name, m.address, m.port, m.protocol, m.sni, m.method, m.path);
  each(v, m.verdict, m.rule, m.origin, m.bytes_in, m.bytes_out, m.duration_ms, m.error, m.count);
}

std::string encode(const core::Flow& flow) {
  return encode_visited(flow);
}
base::Result<core::Flow> decode_flow(std::string_view data) {
  return decode_visited<core::Flow>(data);
}
std::string encode(const core::EgressPolicy& policy) {
  return encode_visited(policy);
}
base::Result<core::EgressPolicy> decode_egress_policy(std::string_view data) {
  return decode_visited<core::EgressPolicy>(data);
}
std::string encode(const core::NetworkEvent& event) {
  return encode_visited(event);
}
base::Result<core::NetworkEvent> decode_network_event(std::string_view data) {
  return decode_visited<core::NetworkEvent>(data);
}

}  // namespace hv::shimwire
