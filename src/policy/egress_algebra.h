// Egress rules compared and combined: what one covers of another, and what two policies allow together. Written against
// the meaning that network/egress_rules gives them; tests hold the two against each other.
#pragma once

#include <vector>

#include "core/egress.h"

namespace hv::policy {

// The ports that a rule is about, written out.
std::vector<core::PortRange> ports_of(const core::EgressRule& rule);

// Whether every target that `other` matches is matched by `rule`, as far as the two show it; verdicts are not compared.
bool includes(const core::EgressRule& rule, const core::EgressRule& other);

// Whether some target could be matched by both; true where the two do not show it, as of a name and of addresses.
bool could_meet(const core::EgressRule& a, const core::EgressRule& b);

// Nothing is allowed by the result that one of the two does not allow; denials of both hold. Where the two cannot be
// told apart without knowing what a group stands for, less is allowed.
core::EgressPolicy intersect(const core::EgressPolicy& a, const core::EgressPolicy& b);

}  // namespace hv::policy
