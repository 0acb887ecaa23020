// The one spelling of egress rules in policies, options and records: HOST[:PORTS] with HOST a name, *.NAME, *, an
// address or a range of addresses, or @GROUP; PORTS a list of ports and FIRST-LAST, or *. docs/policy.md has the
// grammar.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "core/egress.h"

namespace hv::core {

// A rule with this host and these ports, allowing. invalid_argument says what was expected.
base::Result<EgressRule> parse_rule(std::string_view text);
// Its parts, for forms in which they stand apart.
base::Result<HostPattern> parse_pattern(std::string_view text);
base::Result<std::vector<PortRange>> parse_ports(std::string_view text);

// What parse_rule() reads; methods, path and the private flag follow in words.
std::string to_text(const EgressRule& rule);
std::string to_text(const HostPattern& pattern);

}  // namespace hv::core
