// IP addresses and ranges of them as plain values: what rules name and what is dialled.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::core {

// In network order; IPv4 in the first four bytes, the rest zero.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};
  bool v6 = false;

  static IpAddress from_v4(uint32_t value);  // 0x7f000001 is 127.0.0.1
  static IpAddress from_v6(const std::array<uint8_t, 16>& bytes) { return {bytes, true}; }
  // The number of an IPv4 address, most significant byte first.
  uint32_t v4() const;
  // "192.0.2.1", or RFC 5952's form of IPv6.
  std::string text() const;
  auto operator<=>(const IpAddress&) const = default;
};

// Only the one usual spelling: four decimal numbers, or RFC 4291's forms without brackets and zone. What else clients
// write is read by parse_host().
base::Result<IpAddress> parse_address(std::string_view text);

// The bits beyond `length` are zero.
struct AddressRange {
  IpAddress first;
  uint8_t length = 0;

  bool contains(const IpAddress& address) const;
  std::string text() const;  // "10.0.0.0/8"
  // Exactly one address.
  bool is_single() const { return length == (first.v6 ? 128 : 32); }
  auto operator<=>(const AddressRange&) const = default;
};

// ADDRESS or ADDRESS/LENGTH; bits beyond the length are a fault, because one of the two numbers is not what was meant.
base::Result<AddressRange> parse_range(std::string_view text);

}  // namespace hv::core
