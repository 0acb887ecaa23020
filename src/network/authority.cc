#include "network/authority.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>

#include "network/ascii.h"

namespace hv::network {

namespace {

constexpr size_t kLongestName = 253;
constexpr size_t kLongestLabel = 63;

base::Failure bad(std::string_view what) {
  return base::Failure(base::invalid_argument("host: " + std::string(what)));
}

// As resolvers decide it: digits only, or hexadecimal behind "0x".
bool is_number(std::string_view label) {
  if (label.starts_with("0x")) return label.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
  return std::ranges::all_of(label, is_digit);
}

base::Status check_label(std::string_view label) {
  if (label.empty()) return bad("an empty label");
  if (label.size() > kLongestLabel) return bad("a label longer than 63 bytes");
  if (label.front() == '-' || label.back() == '-') return bad("a label that begins or ends with '-'");
  if (!std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; }))
    return bad("a character that no host name has");
  return {};
}

// The text in the kernel's own spelling, so that one address has one text.
std::optional<std::string> canonical_address(int family, const std::string& text) {
  std::array<uint8_t, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  return std::string(inet_ntop(family, bytes.data(), out.data(), out.size()));
}

base::Result<Authority> parse_host(std::string_view text) {
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return bad("'[' without ']'");
    std::string inner(text.substr(1, text.size() - 2));
    // inet_pton stops at a NUL and the rest would go unseen.
    if (inner.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return bad("not an IPv6 address");
    auto address = canonical_address(AF_INET6, inner);
    if (!address) return bad("not an IPv6 address");
    return Authority{*address, true, {}};
  }
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty()) return bad("empty");
  if (text.size() > kLongestName) return bad("a name longer than 253 bytes");
  std::string name = lowered(text);
  size_t last = 0;
  for (size_t start = 0; start <= name.size();) {
    size_t end = std::min(name.find('.', start), name.size());
    HV_TRY(check_label(std::string_view(name).substr(start, end - start)));
    last = start;
    start = end + 1;
  }
  if (!is_number(std::string_view(name).substr(last))) return Authority{std::move(name), false, {}};
  auto address = canonical_address(AF_INET, name);
  if (!address) return bad("an IPv4 address in an unusual form");
  return Authority{*address, true, {}};
}

base::Result<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return bad("a port that is no number");
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || port == 0) return bad("a port that does not exist");
  return port;
}

}  // namespace

std::string Authority::text() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port) text.append(":").append(std::to_string(*port));
  return text;
}

base::Result<Authority> parse_authority(std::string_view text) {
  if (text.find('@') != std::string_view::npos) return bad("user information before '@'");
  size_t colon = text.starts_with('[') ? text.find(':', std::min(text.find(']'), text.size())) : text.find(':');
  Authority authority = HV_TRY(parse_host(text.substr(0, colon)));
  if (colon != std::string_view::npos) authority.port = HV_TRY(parse_port(text.substr(colon + 1)));
  return authority;
}

base::Result<std::string> parse_server_name(std::string_view text) {
  Authority authority = HV_TRY(parse_host(text));
  if (authority.is_address) return bad("an address where a name belongs");
  return std::move(authority.host);
}

}  // namespace hv::network
