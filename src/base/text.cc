#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>

namespace hv::base {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct Decoded {
  uint32_t point = 0;
  size_t length = 0;  // 0: not valid UTF-8 here
};

// One code point by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded decode(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  uint32_t point = lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    point = point << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::array<uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return {};
  return {point, length};
}

// Code points that act on the text around them or show nothing: C0, C1, soft hyphen, Unicode's Bidi_Control and the
// default-ignorable formatting ranges, and the tag characters, which carry invisible ASCII.
bool deceives(uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0xad || point == 0x61c || point == 0x180e ||
         (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb) ||
         (point >= 0xe0000 && point <= 0xe0fff) || point == 0x115f || point == 0x1160 || point == 0x3164 ||
         point == 0xffa0;
}

std::string escape_unsafe(std::string_view text, std::string_view allowed) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    Decoded next = decode(text);
    if (next.length == 0) {
      uint8_t byte = static_cast<uint8_t>(text[0]);
      out.append("\\x").append({kHexDigits[byte >> 4], kHexDigits[byte & 15]});
      text.remove_prefix(1);
      continue;
    }
    if (!deceives(next.point) || (next.length == 1 && allowed.find(text[0]) != std::string_view::npos)) {
      out.append(text.substr(0, next.length));
    } else if (next.point < 0x100) {
      out.append("\\x").append({kHexDigits[next.point >> 4], kHexDigits[next.point & 15]});
    } else {
      out.append("\\u{");
      int shift = next.point > 0xffff ? 20 : 12;
      for (; shift >= 0; shift -= 4) out.push_back(kHexDigits[next.point >> shift & 15]);
      out.push_back('}');
    }
    text.remove_prefix(next.length);
  }
  return out;
}

// Insertions, deletions, substitutions, and two neighbours swapped: the usual slips of a hand.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above.back();
}

}  // namespace

std::string printable(std::string_view text) {
  return escape_unsafe(text, "");
}
std::string printable_lines(std::string_view text) {
  return escape_unsafe(text, "\n\t");
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  std::optional<std::string> best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string to_hex(std::string_view bytes) {
  std::string out(bytes.size() * 2, '0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    auto byte = static_cast<uint8_t>(bytes[i]);
    out[2 * i] = kHexDigits[byte >> 4];
    out[2 * i + 1] = kHexDigits[byte & 15];
  }
  return out;
}

Result<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return Failure(invalid_argument("hex: odd number of digits"));
  std::string out;
  for (size_t i = 0; i < text.size(); i += 2) {
    size_t high = kHexDigits.find(text[i]);
    size_t low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos)
      return Failure(invalid_argument("hex: not a lower-case hex digit at " + std::to_string(i)));
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    size_t have = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < have ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j) out.push_back(j <= have ? kBase64[group >> (18 - 6 * j) & 63] : '=');
  }
  return out;
}

Result<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return Failure(invalid_argument("base64: length is not a multiple of four"));
  std::string out;
  for (size_t i = 0; i < text.size(); i += 4) {
    size_t padding = 0;
    uint32_t group = 0;
    for (size_t j = 0; j < 4; ++j) {
      char c = text[i + j];
      bool may_pad = i + 4 == text.size() && j >= 2;
      if (c == '=' && may_pad) {
        ++padding;
        group <<= 6;
        continue;
      }
      size_t digit = kBase64.find(c);
      if (digit == std::string_view::npos || padding != 0) return Failure(invalid_argument("base64: bad character"));
      group = group << 6 | static_cast<uint32_t>(digit);
    }
    // Bits below the last byte must be zero, or two texts would mean the same bytes.
    if (padding != 0 && (group & (padding == 1 ? 0xffu : 0xffffu)) != 0)
      return Failure(invalid_argument("base64: trailing bits"));
    for (size_t j = 0; j < 3 - padding; ++j) out.push_back(static_cast<char>(group >> (16 - 8 * j) & 255));
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string shell_quote(std::string_view word) {
  constexpr std::string_view kSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(kSafe) == std::string_view::npos) return std::string(word);
  std::string out = "'";
  for (char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    size_t length = decode(text).length;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace hv::base
