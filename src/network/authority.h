// "host[:port]" as a Host header, a CONNECT target, an absolute URL or a TLS server name gives it: hostile text, and
// one spelling for each host afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::network {

struct Authority {
  // Lower-case, without a trailing dot; of an address the canonical text, IPv6 without brackets.
  std::string host;
  bool is_address = false;
  std::optional<uint16_t> port;

  // As a Host field has it.
  std::string text() const;
  bool operator==(const Authority&) const = default;
};

// invalid_argument for user information, empty or wrong ports (port 0 too), zone ids, and every host that is neither a
// DNS name of letters, digits, '-' and '_' nor an address in its usual form. A name whose last label is a number is
// such a host: "0x7f.1" and "2130706433" mean 127.0.0.1 to some readers.
base::Result<Authority> parse_authority(std::string_view text);

// A name alone, lower-cased and without a trailing dot; addresses are refused.
base::Result<std::string> parse_server_name(std::string_view text);

}  // namespace hv::network
