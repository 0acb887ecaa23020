#include "network/protocol_sniff.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "network/ascii.h"
#include "network/client_hello.h"
#include "network/http_fields.h"

namespace hv::network {

namespace {

constexpr std::string_view kH2cPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kSsh = "SSH-";
// Servers skip blanks and empty lines before a request. Nobody who means well sends more of them.
constexpr size_t kMostBlanks = 64;
constexpr size_t kLongestMethod = 32;
// A line this long that begins like a request is called one; its reader decides.
constexpr size_t kLongestLine = 2048;

bool contains_version(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/";
  for (size_t at = 0; at + kVersion.size() <= line.size(); ++at)
    if (equal_ignoring_case(line.substr(at, kVersion.size()), kVersion)) return true;
  return false;
}

Protocol sniff_tls(std::string_view first) {
  if (first.size() >= 2 && first[1] != 3) return Protocol::other;
  return first.size() >= 2 ? Protocol::tls : Protocol::need_more;
}

// The shape of SSLv2's hello, which has no server name: old servers still take it, and the hello reader refuses it.
Protocol sniff_old_tls(std::string_view first) {
  constexpr size_t kEnough = 4;
  ClientHelloReader reader;
  switch (reader.feed(first.substr(0, kEnough))) {
    case ClientHelloReader::State::need_more:
      return Protocol::need_more;
    case ClientHelloReader::State::malformed:
      return Protocol::tls;
    case ClientHelloReader::State::hello:
    case ClientHelloReader::State::not_tls:
      break;
  }
  return Protocol::other;
}

// A method and a blank, then a line with "HTTP/" in it.
Protocol sniff_http(std::string_view first) {
  size_t blanks = std::min(first.find_first_not_of(" \t\r\n"), first.size());
  if (blanks > kMostBlanks) return Protocol::http1;
  first.remove_prefix(blanks);
  if (first.empty()) return Protocol::need_more;
  std::string_view line = first.substr(0, first.find('\n'));
  bool ended = line.size() < first.size();
  size_t method = std::min(line.find_first_of(" \t\r"), line.size());
  bool plausible = method <= kLongestMethod && is_token(line.substr(0, method));
  if (!plausible) return Protocol::other;
  if (line.size() > kLongestLine) return Protocol::http1;
  if (!ended) return Protocol::need_more;
  return contains_version(line) ? Protocol::http1 : Protocol::other;
}

}  // namespace

Protocol sniff(std::string_view first) {
  if (first.empty()) return Protocol::need_more;
  if (first[0] == 0x16) return sniff_tls(first);
  if (static_cast<unsigned char>(first[0]) >= 0x80) return sniff_old_tls(first);
  if (first.starts_with(kSsh)) return Protocol::ssh;
  if (first.starts_with(kH2cPreface)) return Protocol::h2c;
  if (kSsh.starts_with(first) || kH2cPreface.starts_with(first)) return Protocol::need_more;
  return sniff_http(first);
}

bool is_git_request(std::string_view first) {
  constexpr size_t kLength = 4;  // of the packet, itself included, in hexadecimal
  size_t length = 0;
  auto [end, error] = std::from_chars(first.data(), first.data() + std::min(first.size(), kLength), length, 16);
  if (error != std::errc() || end != first.data() + kLength || first.size() < length || length < kLength) return false;
  std::string_view request = first.substr(kLength, length - kLength);
  bool is_known = std::ranges::any_of(std::array{"git-upload-pack /", "git-receive-pack /", "git-upload-archive /"},
                                      [&](std::string_view word) { return request.starts_with(word); });
  return is_known && request.find('\0') < request.find_first_of("\r\n");
}

std::string_view protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::need_more:
      return "unknown";
    case Protocol::tls:
      return "tls";
    case Protocol::http1:
      return "http";
    case Protocol::h2c:
      return "h2c";
    case Protocol::ssh:
      return "ssh";
    case Protocol::other:
      return "other";
  }
  return "unknown";
}

}  // namespace hv::network
