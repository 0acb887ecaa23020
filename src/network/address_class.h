// What kind of place an address is, by IANA's special-purpose registries (RFC 6890 and its successors), and the IPv4
// addresses hidden in IPv6 ones: a translator on the way would take a packet there.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/names.h"

namespace hv::network {

// From harmless to never reachable.
enum class AddressClass : uint8_t {
  global,       // the public internet
  reserved,     // documentation, benchmarks, protocol assignments, not given out
  local,        // RFC 1918, 100.64.0.0/10, unique local, site-local
  link_local,   // 169.254.0.0/16, fe80::/10
  metadata,     // the addresses of clouds' metadata services
  multicast,    // and broadcast
  unspecified,  // 0.0.0.0/8, ::, which a kernel takes for itself
  loopback,
};

// The strictest class of the address itself and of every IPv4 address embedded in it.
AddressClass classify(const core::IpAddress& address, std::span<const core::AddressRange> nat64 = {});

// IPv4 addresses that an IPv6 one carries: v4-mapped, v4-compatible, 6to4, Teredo (server and client), ISATAP, NAT64 by
// the well-known prefixes and by `nat64` (RFC 6052's lengths: 32, 40, 48, 56, 64, 96).
std::vector<core::IpAddress> embedded(const core::IpAddress& address, std::span<const core::AddressRange> nat64 = {});

}  // namespace hv::network

template <>
struct hv::core::Names<hv::network::AddressClass> {
  using Class = hv::network::AddressClass;
  static constexpr std::string_view kind = "address class";
  static constexpr std::array<std::pair<Class, std::string_view>, 8> table{{{Class::global, "public"},
                                                                            {Class::reserved, "reserved"},
                                                                            {Class::local, "private"},
                                                                            {Class::link_local, "link-local"},
                                                                            {Class::metadata, "metadata"},
                                                                            {Class::multicast, "multicast"},
                                                                            {Class::unspecified, "unspecified"},
                                                                            {Class::loopback, "loopback"}}};
};
