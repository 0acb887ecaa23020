// Option values turned into types. Every error names the option.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "core/run_request.h"

namespace hv::cli {

base::Result<uint64_t> parse_number(std::string_view option, std::string_view text, uint64_t least, uint64_t most);
// "512MiB"; below `least` it is refused with `example`.
base::Result<uint64_t> parse_size(std::string_view option, std::string_view text, uint64_t least,
                                  std::string_view example);
// "2h" -> milliseconds. `what` is how the error calls it: "--wall".
base::Result<uint64_t> parse_time_limit(std::string_view what, std::string_view text);
// "1.5" -> 1500.
base::Result<uint32_t> parse_cpus(std::string_view text);
// "K=V", or "K" for the value that `environment` has: not_found when it has none.
base::Result<core::Variable> parse_variable(std::string_view text, const std::vector<core::Variable>& environment);
base::Result<std::pair<std::string, std::string>> parse_label(std::string_view text);
// An RFC 3339 time, a date ("2026-11-23"), or a duration before `now` ("30m").
base::Result<base::WallTime> parse_time(std::string_view option, std::string_view text, base::WallTime now);
// "TERM", "SIGTERM", "15".
base::Result<int> parse_signal(std::string_view text);
// Absolute, without "." and "..", relative to `directory`; symlinks are not followed.
std::string absolute_path(std::string_view path, std::string_view directory);

}  // namespace hv::cli
