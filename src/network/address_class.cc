#include "network/address_class.h"

#include <algorithm>
#include <array>

namespace hv::network {

namespace {

using core::AddressRange;
using core::IpAddress;

constexpr AddressRange v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t length) {
  return {{{a, b, c, d}, false}, length};
}

// The first 64 bits as four groups; what lies below them is given as the last 64 bits.
constexpr AddressRange v6(uint16_t a, uint16_t b, uint16_t c, uint16_t d, uint64_t low, uint8_t length) {
  AddressRange range{{{}, true}, length};
  uint16_t groups[] = {a, b, c, d};
  for (size_t i = 0; i < 4; ++i) {
    range.first.bytes[2 * i] = static_cast<uint8_t>(groups[i] >> 8);
    range.first.bytes[2 * i + 1] = static_cast<uint8_t>(groups[i] & 0xff);
  }
  for (size_t i = 0; i < 8; ++i) range.first.bytes[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
  return range;
}

struct Entry {
  AddressRange range;
  AddressClass is;
};

// The entry with the longest prefix counts. What IANA lists as globally reachable within a wider block stands here as
// global.
constexpr Entry kTable[] = {
    {v4(0, 0, 0, 0, 8), AddressClass::unspecified},
    {v4(10, 0, 0, 0, 8), AddressClass::local},
    {v4(100, 64, 0, 0, 10), AddressClass::local},          // RFC 6598, shared by carriers
    {v4(100, 100, 100, 200, 32), AddressClass::metadata},  // Alibaba Cloud
    {v4(127, 0, 0, 0, 8), AddressClass::loopback},
    {v4(168, 63, 129, 16, 32), AddressClass::metadata},  // Azure's host agent, though its block is public
    {v4(169, 254, 0, 0, 16), AddressClass::link_local},
    {v4(169, 254, 169, 254, 32), AddressClass::metadata},
    {v4(169, 254, 170, 2, 32), AddressClass::metadata},   // credentials of ECS tasks
    {v4(169, 254, 170, 23, 32), AddressClass::metadata},  // credentials of EKS pods
    {v4(172, 16, 0, 0, 12), AddressClass::local},
    {v4(192, 0, 0, 0, 24), AddressClass::reserved},
    {v4(192, 0, 0, 9, 32), AddressClass::global},      // RFC 7723
    {v4(192, 0, 0, 10, 32), AddressClass::global},     // RFC 8155
    {v4(192, 0, 0, 192, 32), AddressClass::metadata},  // Oracle Cloud, the older one
    {v4(192, 0, 2, 0, 24), AddressClass::reserved},    // documentation
    {v4(192, 88, 99, 0, 24), AddressClass::reserved},  // 6to4 relays, deprecated
    {v4(192, 168, 0, 0, 16), AddressClass::local},
    {v4(198, 18, 0, 0, 15), AddressClass::reserved},    // benchmarks; inside: our synthetic addresses
    {v4(198, 51, 100, 0, 24), AddressClass::reserved},  // documentation
    {v4(203, 0, 113, 0, 24), AddressClass::reserved},   // documentation
    {v4(224, 0, 0, 0, 4), AddressClass::multicast},
    {v4(240, 0, 0, 0, 4), AddressClass::reserved},
    {v4(255, 255, 255, 255, 32), AddressClass::multicast},

    // Only 2000::/3 is given out.
    {v6(0, 0, 0, 0, 0, 0), AddressClass::reserved},
    {v6(0, 0, 0, 0, 0, 128), AddressClass::unspecified},
    {v6(0, 0, 0, 0, 1, 128), AddressClass::loopback},
    // Forms that carry IPv4: the address within says what they are.
    {v6(0, 0, 0, 0, 0, 96), AddressClass::global},
    {v6(0, 0, 0, 0, 0xffff00000000, 96), AddressClass::global},
    {v6(0x64, 0xff9b, 0, 0, 0, 96), AddressClass::global},
    {v6(0x64, 0xff9b, 1, 0, 0, 48), AddressClass::local},  // RFC 8215
    {v6(0x100, 0, 0, 0, 0, 64), AddressClass::reserved},   // discarded
    {v6(0x2000, 0, 0, 0, 0, 3), AddressClass::global},
    {v6(0x2001, 0, 0, 0, 0, 23), AddressClass::reserved},  // protocol assignments
    {v6(0x2001, 0, 0, 0, 0, 32), AddressClass::global},    // Teredo
    {v6(0x2001, 1, 0, 0, 1, 128), AddressClass::global},   // RFC 7723
    {v6(0x2001, 1, 0, 0, 2, 128), AddressClass::global},   // RFC 8155
    {v6(0x2001, 1, 0, 0, 3, 128), AddressClass::global},   // RFC 9665
    {v6(0x2001, 3, 0, 0, 0, 32), AddressClass::global},    // RFC 7450
    {v6(0x2001, 4, 0x112, 0, 0, 48), AddressClass::global},
    {v6(0x2001, 0x20, 0, 0, 0, 28), AddressClass::global},  // ORCHIDv2
    {v6(0x2001, 0x30, 0, 0, 0, 28), AddressClass::global},  // RFC 9374
    {v6(0x2001, 0xdb8, 0, 0, 0, 32), AddressClass::reserved},
    {v6(0x3fff, 0, 0, 0, 0, 20), AddressClass::reserved},  // documentation
    {v6(0x5f00, 0, 0, 0, 0, 16), AddressClass::reserved},  // segment routing
    {v6(0xfc00, 0, 0, 0, 0, 7), AddressClass::local},
    {v6(0xfd00, 0xec2, 0, 0, 0x254, 128), AddressClass::metadata},  // AWS
    {v6(0xfd00, 0xec2, 0, 0, 0x23, 128), AddressClass::metadata},   // EKS pods
    {v6(0xfd20, 0xce, 0, 0, 0x254, 128), AddressClass::metadata},   // Google Cloud
    {v6(0xfe80, 0, 0, 0, 0, 10), AddressClass::link_local},
    {v6(0xfe80, 0, 0, 0, 0xa9fea9fe, 128), AddressClass::metadata},  // OpenStack
    {v6(0xfec0, 0, 0, 0, 0, 10), AddressClass::local},               // site-local, deprecated
    {v6(0xff00, 0, 0, 0, 0, 8), AddressClass::multicast},
};

AddressClass look_up(const IpAddress& address) {
  const Entry* best = nullptr;
  for (const Entry& entry : kTable)
    if ((best == nullptr || entry.range.length > best->range.length) && entry.range.contains(address)) best = &entry;
  return best == nullptr ? AddressClass::global : best->is;
}

IpAddress v4_at(const IpAddress& address, size_t at) {
  IpAddress v4;
  std::copy_n(address.bytes.begin() + static_cast<ptrdiff_t>(at), 4, v4.bytes.begin());
  return v4;
}

// RFC 6052: the IPv4 address follows the prefix, and byte 8 is left out.
IpAddress translated(const IpAddress& address, uint8_t length) {
  IpAddress v4;
  size_t from = length / 8;
  for (size_t i = 0; i < 4; ++i) {
    if (from == 8) ++from;
    v4.bytes[i] = address.bytes[from++];
  }
  return v4;
}

bool is_translation_length(uint8_t length) {
  return length == 96 || (length >= 32 && length <= 64 && length % 8 == 0);
}

// The translation prefix of this host in which the address lies.
const AddressRange* found_prefix(const IpAddress& address, std::span<const AddressRange> nat64) {
  for (const AddressRange& prefix : nat64)
    if (prefix.first.v6 && is_translation_length(prefix.length) && prefix.contains(address)) return &prefix;
  return nullptr;
}

constexpr AddressRange kCompatible = v6(0, 0, 0, 0, 0, 96);
constexpr AddressRange kMapped = v6(0, 0, 0, 0, 0xffff00000000, 96);
constexpr AddressRange kTranslated = v6(0, 0, 0, 0, 0xffff000000000000, 96);  // RFC 2765
constexpr AddressRange kNat64 = v6(0x64, 0xff9b, 0, 0, 0, 96);
constexpr AddressRange kLocalNat64 = v6(0x64, 0xff9b, 1, 0, 0, 48);
constexpr AddressRange k6to4 = v6(0x2002, 0, 0, 0, 0, 16);
constexpr AddressRange kTeredo = v6(0x2001, 0, 0, 0, 0, 32);

}  // namespace

std::vector<IpAddress> embedded(const IpAddress& address, std::span<const AddressRange> nat64) {
  std::vector<IpAddress> found;
  if (!address.v6) return found;
  bool is_special = address == IpAddress{{}, true} || address == v6(0, 0, 0, 0, 1, 128).first;
  if ((kCompatible.contains(address) && !is_special) || kMapped.contains(address) || kTranslated.contains(address) ||
      kNat64.contains(address))
    found.push_back(v4_at(address, 12));
  // The operator chooses how long a prefix within this block is. Unless it was found, each length is read that gives
  // more than the zeros of another one.
  if (kLocalNat64.contains(address) && found_prefix(address, nat64) == nullptr)
    for (uint8_t length : std::array<uint8_t, 4>{48, 56, 64, 96})
      if (IpAddress v4 = translated(address, length); v4.bytes[0] != 0) found.push_back(v4);
  if (k6to4.contains(address)) found.push_back(v4_at(address, 2));
  if (kTeredo.contains(address)) {
    found.push_back(v4_at(address, 4));
    IpAddress client = v4_at(address, 12);
    for (size_t i = 0; i < 4; ++i) client.bytes[i] ^= 0xff;
    found.push_back(client);
  }
  // ISATAP: an interface identifier of 0000:5efe or 0200:5efe under any prefix.
  if ((address.bytes[8] & 0xfd) == 0 && address.bytes[9] == 0 && address.bytes[10] == 0x5e && address.bytes[11] == 0xfe)
    found.push_back(v4_at(address, 12));
  if (const AddressRange* prefix = found_prefix(address, nat64)) found.push_back(translated(address, prefix->length));
  return found;
}

AddressClass classify(const IpAddress& address, std::span<const AddressRange> nat64) {
  // Behind a translator the block says nothing: it may well be taken from the operator's private ones.
  AddressClass strictest = found_prefix(address, nat64) != nullptr ? AddressClass::global : look_up(address);
  for (const IpAddress& v4 : embedded(address, nat64)) strictest = std::max(strictest, look_up(v4));
  return strictest;
}

}  // namespace hv::network
