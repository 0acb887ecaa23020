// Sizes and durations as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::base {

struct ByteCount {
  uint64_t value = 0;
  auto operator<=>(const ByteCount&) const = default;
};

// "512MiB", "2G", "1.5GiB", "1048576". K, M, G, T and Ki.. are powers of 1024 with or without a B; KB, MB, GB, TB are
// powers of 1000.
Result<ByteCount> parse_bytes(std::string_view text);
// "512 MiB", "1.5 GiB", "17 B".
std::string to_text(ByteCount bytes);

// "30s", "5m", "1h30m", "250ms", "2d".
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
// "1h30m", "250ms"; the two largest units.
std::string to_text(std::chrono::milliseconds duration);

}  // namespace hv::base
