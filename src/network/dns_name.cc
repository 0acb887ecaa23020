#include "network/dns_name.h"

#include <algorithm>
#include <cstdint>

#include "network/ascii.h"

namespace hv::network {

namespace {

constexpr size_t kLongestName = 255;
constexpr size_t kLongestLabel = 63;
constexpr uint8_t kPointer = 0xc0;
constexpr int kPointerLimit = 127;

base::Failure bad(std::string_view what) {
  return base::Failure(base::invalid_argument("DNS name: " + std::string(what)));
}

uint8_t byte_at(std::string_view text, size_t at) {
  return static_cast<uint8_t>(text[at]);
}

bool is_plain(char c) {
  return is_alphanumeric(c) || c == '-' || c == '_';
}

}  // namespace

base::Result<DnsName> DnsName::from_text(std::string_view text) {
  DnsName name;
  if (text == ".") return name;
  if (text.empty()) return bad("empty");
  std::string wire;
  std::string label;
  auto end_label = [&]() -> base::Status {
    if (label.empty()) return bad("an empty label");
    if (label.size() > kLongestLabel) return bad("a label longer than 63 bytes");
    wire.push_back(static_cast<char>(label.size()));
    wire.append(label);
    label.clear();
    return {};
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      HV_TRY(end_label());
    } else if (text[i] != '\\') {
      label.push_back(text[i]);
    } else {
      int value = 256;
      if (i + 3 < text.size() && std::ranges::all_of(text.substr(i + 1, 3), is_digit))
        value = (text[i + 1] - '0') * 100 + (text[i + 2] - '0') * 10 + (text[i + 3] - '0');
      if (value > 255) return bad("'\\' without three digits up to 255");
      label.push_back(static_cast<char>(value));
      i += 3;
    }
  }
  if (!text.ends_with('.') || !label.empty()) HV_TRY(end_label());
  wire.push_back('\0');
  if (wire.size() > kLongestName) return bad("longer than 255 bytes");
  name.wire_ = std::move(wire);
  return name;
}

base::Result<DnsName> DnsName::from_wire(std::string_view message, size_t& at, Pointers pointers) {
  std::string wire;
  size_t position = at;
  // Pointers must lead to before the part they end, so each of them leads to a smaller place. More of them than a name
  // can have labels serve nobody.
  size_t part = at;
  int jumps = 0;
  while (true) {
    if (position >= message.size()) return bad("cut off");
    uint8_t length = byte_at(message, position);
    if ((length & kPointer) == kPointer) {
      if (pointers == Pointers::refused) return bad("a compression pointer in a query");
      if (position + 1 >= message.size()) return bad("cut off");
      size_t target = static_cast<size_t>(length & ~kPointer) << 8 | byte_at(message, position + 1);
      if (target >= part) return bad("a compression pointer that does not lead backwards");
      if (++jumps > kPointerLimit) return bad("too many compression pointers");
      if (jumps == 1) at = position + 2;
      position = part = target;
      continue;
    }
    if (length > kLongestLabel) return bad("a label of unknown type");
    if (position + 1 + length > message.size()) return bad("cut off");
    wire.append(message.substr(position, size_t{1} + length));
    if (wire.size() > kLongestName) return bad("longer than 255 bytes");
    position += size_t{1} + length;
    if (length == 0) break;
  }
  if (jumps == 0) at = position;
  DnsName name;
  name.wire_ = std::move(wire);
  return name;
}

std::vector<std::string_view> DnsName::labels() const {
  std::vector<std::string_view> labels;
  for (size_t at = 0; wire_[at] != '\0';) {
    size_t length = byte_at(wire_, at);
    labels.push_back(std::string_view(wire_).substr(at + 1, length));
    at += 1 + length;
  }
  return labels;
}

std::string DnsName::text() const {
  if (is_root()) return ".";
  std::string text;
  text.reserve(wire_.size());
  for (std::string_view label : labels()) {
    if (!text.empty()) text.push_back('.');
    for (char c : label) {
      if (is_plain(c)) {
        text.push_back(lower(c));
      } else {
        int value = static_cast<uint8_t>(c);
        text.push_back('\\');
        for (int digit : {value / 100, value / 10 % 10, value % 10}) text.push_back(static_cast<char>('0' + digit));
      }
    }
  }
  return text;
}

bool DnsName::is_host_name() const {
  if (is_root()) return false;
  for (std::string_view label : labels())
    if (!std::ranges::all_of(label, is_plain)) return false;
  return true;
}

bool DnsName::operator==(const DnsName& other) const {
  // Lengths are below 64 and so never letters: the case of the labels may be ignored in all of the bytes.
  return equal_ignoring_case(wire_, other.wire_);
}

}  // namespace hv::network
