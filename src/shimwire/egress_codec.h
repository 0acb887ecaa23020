// core::EgressPolicy and core::NetworkEvent as bytes: the policy travels to the gateway at the start and on every
// change, the events come back.
#pragma once

#include "core/egress.h"
#include "shimwire/codec.h"

namespace hv::shimwire {

void write(Writer& writer, const core::EgressPolicy& policy);
core::EgressPolicy read_egress_policy(Reader& reader);

void write(Writer& writer, const core::NetworkEvent& event);
core::NetworkEvent read_network_event(Reader& reader);

std::string encode(const core::EgressPolicy& policy);
base::Result<core::EgressPolicy> decode_egress_policy(std::string_view data);
std::string encode(const core::NetworkEvent& event);
base::Result<core::NetworkEvent> decode_network_event(std::string_view data);

}  // namespace hv::shimwire
