// The prefixes under which this host's network translates IPv6 to IPv4 (RFC 7050): the addresses of ipv4only.arpa tell.
// Without them an address like PREFIX::10.0.0.1 would pass for public.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/address.h"

namespace hv::gateway {

inline constexpr std::string_view kIpv4OnlyName = "ipv4only.arpa";

// `addresses` are what the name resolves to here; none of them IPv6 where nothing is translated.
std::vector<core::AddressRange> translation_prefixes(std::span<const core::IpAddress> addresses);

}  // namespace hv::gateway
