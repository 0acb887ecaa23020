// Time is an argument, so that tests tick instead of sleeping.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::base {

using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;
// CLOCK_MONOTONIC since boot: the same in every process of this machine and in every sandbox.
using MonotonicTime = std::chrono::duration<int64_t, std::nano>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual MonotonicTime monotonic() const = 0;
};

// The machine's clocks; lives for ever.
const Clock& system_clock();

// RFC 3339 in UTC with nanoseconds: 2026-11-23T18:14:07.000000000Z.
std::string to_rfc3339(WallTime time);
Result<WallTime> from_rfc3339(std::string_view text);

}  // namespace hv::base
