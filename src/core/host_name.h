// Host names and addresses as clients and people write them, brought into the one form that rules compare. Rules,
// requests, SNI and Host all go through here, so no spelling of a host gets around a rule for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/address.h"

namespace hv::core {

// Either a name or an address.
struct Host {
  std::string name;  // lower case, without a final dot
  std::optional<IpAddress> address;

  std::string text() const { return address ? address->text() : name; }
  bool operator==(const Host&) const = default;
};

inline constexpr size_t kLongestName = 253;

// A name, or an address in any form that a resolver takes: "127.1", "0x7f.1", "017700000001", "2130706433",
// "[2001:db8::1]", "::ffff:10.0.0.1" (which is 10.0.0.1). invalid_argument for zones, for what is neither, and for a
// name with letters beyond ASCII, whose message gives its "xn--" form when that is plain.
base::Result<Host> parse_host(std::string_view text);

// The same, and an address is a fault.
base::Result<std::string> parse_host_name(std::string_view text);

struct HostPort {
  Host host;
  uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

// HOST, HOST:PORT, [IPv6]:PORT as in Host headers and CONNECT targets; without a port it is `default_port`.
base::Result<HostPort> parse_host_port(std::string_view text, uint16_t default_port);

}  // namespace hv::core
