#include "gateway/nat64.h"

#include <algorithm>
#include <array>

namespace hv::gateway {

namespace {

// Where the four bytes lie for each length of prefix (RFC 6052, 2.2): byte 8 is always zero and never one of them.
struct Layout {
  uint8_t length;
  std::array<uint8_t, 4> at;
};
constexpr std::array kLayouts{Layout{32, {4, 5, 6, 7}},   Layout{40, {5, 6, 7, 9}},    Layout{48, {6, 7, 9, 10}},
                              Layout{56, {7, 9, 10, 11}}, Layout{64, {9, 10, 11, 12}}, Layout{96, {12, 13, 14, 15}}};

bool is_well_known(const core::IpAddress& address, const Layout& layout) {
  auto byte = [&](size_t i) { return address.bytes[layout.at[i]]; };
  return byte(0) == 192 && byte(1) == 0 && byte(2) == 0 && (byte(3) == 170 || byte(3) == 171);
}

}  // namespace

std::vector<core::AddressRange> translation_prefixes(std::span<const core::IpAddress> addresses) {
  std::vector<core::AddressRange> prefixes;
  for (const core::IpAddress& address : addresses) {
    if (!address.v6) continue;
    for (const Layout& layout : kLayouts) {
      if (!is_well_known(address, layout)) continue;
      core::AddressRange range{address, layout.length};
      std::fill(range.first.bytes.begin() + layout.length / 8, range.first.bytes.end(), uint8_t{0});
      if (std::ranges::find(prefixes, range) == prefixes.end()) prefixes.push_back(range);
    }
  }
  return prefixes;
}

}  // namespace hv::gateway
