#include "base/units.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <utility>

namespace hv::base {

namespace {

struct Number {
  uint64_t whole = 0;
  uint64_t thousandths = 0;
};

// Takes "12" or "1.5" off the front of `text`. At most three decimal places are kept.
bool take_number(std::string_view& text, Number& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.whole);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (!text.starts_with('.')) return true;
  text.remove_prefix(1);
  uint64_t scale = 100;
  size_t digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; ++digits, scale /= 10) {
    number.thousandths += static_cast<uint64_t>(text[0] - '0') * scale;
    text.remove_prefix(1);
  }
  return digits != 0;
}

bool scale_number(Number number, uint64_t unit, uint64_t& result) {
  uint64_t fraction = 0;
  return !__builtin_mul_overflow(number.whole, unit, &result) &&
         !__builtin_mul_overflow(number.thousandths, unit, &fraction) &&
         !__builtin_add_overflow(result, fraction / 1000, &result);
}

}  // namespace

Result<ByteCount> parse_bytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, uint64_t>, 18> kUnits{{{"", 1},
                                                                                 {"B", 1},
                                                                                 {"K", 1ull << 10},
                                                                                 {"Ki", 1ull << 10},
                                                                                 {"KiB", 1ull << 10},
                                                                                 {"KB", 1000},
                                                                                 {"M", 1ull << 20},
                                                                                 {"Mi", 1ull << 20},
                                                                                 {"MiB", 1ull << 20},
                                                                                 {"MB", 1000'000},
                                                                                 {"G", 1ull << 30},
                                                                                 {"Gi", 1ull << 30},
                                                                                 {"GiB", 1ull << 30},
                                                                                 {"GB", 1000'000'000},
                                                                                 {"T", 1ull << 40},
                                                                                 {"Ti", 1ull << 40},
                                                                                 {"TiB", 1ull << 40},
                                                                                 {"TB", 1000'000'000'000}}};
  std::string shown(text);
  Number number;
  if (!take_number(text, number)) return Failure(invalid_argument("not a size: '" + shown + "' (write 512MiB, 2GiB)"));
  if (text.starts_with(' ')) text.remove_prefix(1);
  for (auto [name, unit] : kUnits) {
    uint64_t bytes = 0;
    if (text != name) continue;
    if (!scale_number(number, unit, bytes)) return Failure(invalid_argument("size too large: '" + shown + "'"));
    return ByteCount{bytes};
  }
  return Failure(invalid_argument("not a unit of size: '" + std::string(text) + "' (use KiB, MiB, GiB, TiB)"));
}

std::string to_text(ByteCount bytes) {
  static constexpr std::array<const char*, 5> kNames{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes.value);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  bool whole = unit == 0 || value >= 100 || value == static_cast<double>(static_cast<uint64_t>(value));
  std::snprintf(text, sizeof text, whole ? "%.0f %s" : "%.1f %s", value, kNames[unit]);
  return text;
}

static constexpr std::array<std::pair<std::string_view, uint64_t>, 5> kDurationUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"ms", 1}, {"m", 60'000}, {"s", 1000}}};

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::string shown(text);
  Error error = invalid_argument("not a duration: '" + shown + "' (write 30s, 5m, 1h30m)");
  if (text.empty()) return Failure(error);
  uint64_t total = 0;
  while (!text.empty()) {
    Number number;
    if (!take_number(text, number)) return Failure(error);
    bool found = false;
    for (auto [name, unit] : kDurationUnits) {
      uint64_t part = 0;
      if (!text.starts_with(name)) continue;
      if (!scale_number(number, unit, part) || __builtin_add_overflow(total, part, &total) ||
          total > static_cast<uint64_t>(std::numeric_limits<int64_t>::max() / 1'000'000))
        return Failure(invalid_argument("duration too long: '" + shown + "'"));
      text.remove_prefix(name.size());
      found = true;
      break;
    }
    if (!found) return Failure(error);
  }
  return std::chrono::milliseconds(total);
}

std::string to_text(std::chrono::milliseconds duration) {
  auto left = static_cast<uint64_t>(duration.count());
  std::string out;
  int parts = 0;
  for (auto [name, unit] :
       {std::pair<const char*, uint64_t>{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}) {
    if (left < unit || parts == 2) continue;
    out += std::to_string(left / unit) + name;
    left %= unit;
    ++parts;
  }
  return out.empty() ? "0s" : out;
}

}  // namespace hv::base
