#include "core/host_name.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "core/punycode.h"

namespace hv::core {

namespace {

using base::Failure;
using base::Result;

constexpr size_t kLongestLabel = 63;
// Names in UTF-8 are longer than their DNS form; beyond this nothing is looked at.
constexpr size_t kLongestText = 1024;

Failure bad(std::string_view host, std::string_view why) {
  return Failure(base::invalid_argument(base::format("'{}' {}", base::printable(host.substr(0, 80)), why)));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// One part of an IPv4 address as inet_aton(3) reads it: decimal, 0octal, 0xhex.
std::optional<uint64_t> number(std::string_view part) {
  unsigned base = 10;
  if (part.starts_with("0x") || part.starts_with("0X")) {
    base = 16;
    part.remove_prefix(2);
    if (part.empty()) return 0;  // as clients do
  } else if (part.size() > 1 && part[0] == '0') {
    base = 8;
  }
  if (part.empty()) return std::nullopt;
  uint64_t value = 0;
  for (char raw : part) {
    char c = to_lower(raw);
    unsigned digit = is_digit(c) ? static_cast<unsigned>(c - '0') : c >= 'a' && c <= 'f' ? c - 'a' + 10U : 16;
    if (digit >= base) return std::nullopt;
    value = std::min<uint64_t>(value * base + digit, uint64_t{1} << 40);
  }
  return value;
}

// Whether a resolver would take it as an IPv4 address, or fail: no top-level domain is a number.
bool ends_in_number(std::string_view text) {
  std::string_view last = text.substr(text.rfind('.') + 1);
  return number(last).has_value() || (!last.empty() && std::ranges::all_of(last, is_digit));
}

Result<IpAddress> loose_v4(std::string_view text) {
  std::vector<std::string> parts = base::split(text, '.');
  if (parts.size() > 4) return bad(text, "is not an IPv4 address: it has more than four numbers");
  uint64_t value = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    std::optional<uint64_t> part = number(parts[i]);
    bool last = i + 1 == parts.size();
    // The last number fills all bytes that the others leave.
    unsigned bits = last ? 8 * static_cast<unsigned>(5 - parts.size()) : 8;
    if (!part || *part >> bits != 0) return bad(text, "ends like an IPv4 address but is not one");
    value = value << bits | *part;
  }
  return IpAddress::from_v4(static_cast<uint32_t>(value));
}

Result<IpAddress> bracketless_v6(std::string_view text) {
  if (text.find('%') != std::string_view::npos)
    return bad(text, "has a zone, which means nothing outside of one machine");
  IpAddress address = HV_TRY(parse_address(text));
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) return address;
  // The kernel dials the IPv4 address that is mapped, so that is the one rules are about.
  return IpAddress::from_v4(uint32_t{address.bytes[12]} << 24 | uint32_t{address.bytes[13]} << 16 |
                            uint32_t{address.bytes[14]} << 8 | address.bytes[15]);
}

Failure not_ascii(std::string_view text) {
  std::string hint;
  for (const std::string& label : base::split(text, '.')) {
    bool ascii = std::ranges::all_of(label, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
    std::optional<std::string> form = ascii ? label : plain_a_label(label);
    if (!form) return bad(text, "has letters beyond ASCII; write it in its xn-- form");
    hint += (hint.empty() ? "" : ".") + *form;
  }
  return bad(text, base::format("has letters beyond ASCII; write it as {}", base::printable(hint)));
}

Result<std::string> name(std::string_view text) {
  if (text.size() > kLongestName) return bad(text, "is longer than the 253 characters of a host name");
  std::string lower;
  for (const std::string& label : base::split(text, '.')) {
    if (label.empty()) return bad(text, "is not a host name: a part between dots is empty");
    if (label.size() > kLongestLabel) return bad(text, "is not a host name: a part is longer than 63 characters");
    if (label.front() == '-' || label.back() == '-')
      return bad(text, "is not a host name: a part begins or ends with '-'");
    if (!lower.empty()) lower += '.';
    for (char raw : label) {
      char c = to_lower(raw);
      // The underscore is no letter of host names, but services in containers are called so and resolvers take it.
      if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_')
        return bad(text, "is not a host name: expected letters, digits, '-' and '.'");
      lower += c;
    }
  }
  return lower;
}

Result<uint16_t> port_number(std::string_view whole, std::string_view text) {
  unsigned value = 0;
  for (char c : text.substr(0, 6)) value = is_digit(c) ? value * 10 + static_cast<unsigned>(c - '0') : 1U << 20;
  if (text.empty() || text.size() > 5 || value == 0 || value > 65'535)
    return bad(whole, "has no port from 1 to 65535 after its ':'");
  return static_cast<uint16_t>(value);
}

}  // namespace

Result<Host> parse_host(std::string_view text) {
  if (text.empty()) return Failure(base::invalid_argument("a host is missing"));
  if (text.size() > kLongestText) return bad(text, "is longer than the 253 characters of a host name");
  if (text.front() == '[') {
    if (text.size() < 2 || text.back() != ']') return bad(text, "has a '[' without its ']'");
    std::string_view inside = text.substr(1, text.size() - 2);
    if (inside.find(':') == std::string_view::npos) return bad(text, "has no IPv6 address between its brackets");
    return Host{{}, HV_TRY(bracketless_v6(inside))};
  }
  if (text.find(':') != std::string_view::npos) return Host{{}, HV_TRY(bracketless_v6(text))};
  if (std::ranges::any_of(text, [](char c) { return static_cast<uint8_t>(c) >= 0x80; })) return not_ascii(text);
  std::string_view whole = text;
  if (text.back() == '.') text.remove_suffix(1);
  if (text.empty()) return bad(whole, "is not a host name");
  if (ends_in_number(text)) return Host{{}, HV_TRY(loose_v4(text))};
  return Host{HV_TRY(name(text)), std::nullopt};
}

Result<std::string> parse_host_name(std::string_view text) {
  Host host = HV_TRY(parse_host(text));
  if (host.address) return bad(text, "is an address; expected a host name");
  return std::move(host.name);
}

Result<HostPort> parse_host_port(std::string_view text, uint16_t default_port) {
  size_t colon = text.starts_with('[') ? text.find(':', std::min(text.find(']'), text.size())) : text.find(':');
  // An IPv6 address without brackets leaves open where the port begins.
  if (!text.starts_with('[') && text.find(':', std::min(colon, text.size() - 1) + 1) != std::string_view::npos)
    return bad(text, "needs brackets around its IPv6 address");
  HostPort result{HV_TRY(parse_host(text.substr(0, colon))), default_port};
  if (colon != std::string_view::npos) result.port = HV_TRY(port_number(text, text.substr(colon + 1)));
  return result;
}

}  // namespace hv::core
