#include "core/punycode.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/text.h"

namespace hv::core {

namespace {

struct Letters {
  uint32_t first;
  uint32_t last;
};

// Without U+00DF and U+03C2, which the older rules for names map to something else.
constexpr Letters kPlain[] = {{0xe0, 0xf6},     {0xf8, 0xff},     {0x3b1, 0x3c1},   {0x3c3, 0x3c9},  {0x430, 0x44f},
                              {0x3041, 0x3096}, {0x30a1, 0x30fa}, {0x4e00, 0x9fff}, {0xac00, 0xd7a3}};

bool is_plain(uint32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  return std::ranges::any_of(kPlain, [c](const Letters& range) { return c >= range.first && c <= range.last; });
}

// Of valid UTF-8.
std::vector<uint32_t> code_points(std::string_view text) {
  std::vector<uint32_t> points;
  for (char byte : text) {
    auto c = static_cast<uint8_t>(byte);
    if ((c & 0xc0) == 0x80)
      points.back() = points.back() << 6 | (c & 0x3f);
    else
      points.push_back(c < 0x80 ? c : c >= 0xf0 ? c & 0x07 : c >= 0xe0 ? c & 0x0f : c & 0x1f);
  }
  return points;
}

constexpr uint32_t kBase = 36;

char digit(uint32_t value) {
  return static_cast<char>(value < 26 ? 'a' + value : '0' + value - 26);
}

uint32_t threshold(uint32_t k, uint32_t bias) {
  return k <= bias ? 1 : std::min<uint32_t>(k - bias, 26);
}

uint32_t adapted_bias(uint32_t delta, uint32_t count, bool first) {
  delta = first ? delta / 700 : delta / 2;
  delta += delta / count;
  uint32_t k = 0;
  for (; delta > 455; k += kBase) delta /= kBase - 1;
  return k + kBase * delta / (delta + 38);
}

}  // namespace

std::optional<std::string> plain_a_label(std::string_view label) {
  if (label.size() > 189 || !base::is_valid_utf8(label)) return std::nullopt;
  std::vector<uint32_t> points = code_points(label);
  if (points.empty() || !std::ranges::all_of(points, is_plain) || points.front() == '-' || points.back() == '-')
    return std::nullopt;
  std::string out;
  for (uint32_t c : points)
    if (c < 0x80) out += static_cast<char>(c);
  auto basic = static_cast<uint32_t>(out.size());
  if (basic == points.size()) return std::nullopt;
  if (basic > 0) out += '-';
  uint32_t next = 0x80, delta = 0, bias = 72;
  // At most 63 letters below 2^16: nothing here can overflow.
  for (uint32_t handled = basic; handled < points.size(); ++next, ++delta) {
    uint32_t least = 0x110000;
    for (uint32_t c : points)
      if (c >= next) least = std::min(least, c);
    delta += (least - next) * (handled + 1);
    next = least;
    for (uint32_t c : points) {
      if (c < next) ++delta;
      if (c != next) continue;
      uint32_t rest = delta;
      for (uint32_t k = kBase;; k += kBase) {
        uint32_t t = threshold(k, bias);
        if (rest < t) break;
        out += digit(t + (rest - t) % (kBase - t));
        rest = (rest - t) / (kBase - t);
      }
      out += digit(rest);
      bias = adapted_bias(delta, handled + 1, handled == basic);
      delta = 0;
      ++handled;
    }
  }
  if (out.size() > 59) return std::nullopt;
  return "xn--" + out;
}

}  // namespace hv::core
