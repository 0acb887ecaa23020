#include "core/address.h"

#include <algorithm>

#include <arpa/inet.h>

#include "base/format.h"
#include "base/text.h"

namespace hv::core {

IpAddress IpAddress::from_v4(uint32_t value) {
  IpAddress address;
  for (size_t i = 0; i < 4; ++i) address.bytes[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
  return address;
}

uint32_t IpAddress::v4() const {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
}

base::Result<IpAddress> parse_address(std::string_view text) {
  std::string copy(text.substr(0, INET6_ADDRSTRLEN));
  IpAddress address;
  address.v6 = text.find(':') != std::string_view::npos;
  if (text.find('\0') == std::string_view::npos &&
      inet_pton(address.v6 ? AF_INET6 : AF_INET, copy.c_str(), address.bytes.data()) == 1)
    return address;
  return base::Failure(
      base::invalid_argument(base::format("'{}' is not an IP address", base::printable(text.substr(0, 80)))));
}

namespace {

// Clears what `length` does not cover.
IpAddress masked(IpAddress address, size_t length) {
  for (size_t bit = length; bit < address.bytes.size() * 8; ++bit)
    address.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80U >> bit % 8));
  return address;
}

}  // namespace

bool AddressRange::contains(const IpAddress& address) const {
  return address.v6 == first.v6 && masked(address, length) == first;
}

std::string AddressRange::text() const {
  return is_single() ? first.text() : base::format("{}/{}", first.text(), length);
}

base::Result<AddressRange> parse_range(std::string_view text) {
  size_t slash = text.find('/');
  AddressRange range;
  range.first = HV_TRY(parse_address(text.substr(0, slash)));
  unsigned most = range.first.v6 ? 128 : 32;
  unsigned length = slash == std::string_view::npos ? most : 0;
  if (slash != std::string_view::npos) {
    std::string_view digits = text.substr(slash + 1);
    bool good = !digits.empty() && digits.size() <= 3 && (digits.size() == 1 || digits[0] != '0') &&
                std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
    for (char c : digits.substr(0, good ? 3 : 0)) length = length * 10 + static_cast<unsigned>(c - '0');
    if (!good || length > most)
      return base::Failure(base::invalid_argument(base::format("'{}': expected a prefix length from 0 to {} after '/'",
                                                               base::printable(text.substr(0, 80)), most)));
  }
  range.length = static_cast<uint8_t>(length);
  if (IpAddress start = masked(range.first, length); start != range.first)
    return base::Failure(base::invalid_argument(base::format("'{}' has bits beyond its prefix length; expected {}/{}",
                                                             base::printable(text), start.text(), length)));
  return range;
}

}  // namespace hv::core
