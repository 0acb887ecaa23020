#include "base/clock.h"

#include <cstdio>
#include <ctime>

namespace hv::base {

namespace {

class SystemClock final : public Clock {
 public:
  WallTime wall() const override { return WallTime(read(CLOCK_REALTIME)); }
  MonotonicTime monotonic() const override { return read(CLOCK_MONOTONIC); }

 private:
  static std::chrono::nanoseconds read(clockid_t id) {
    timespec now{};
    ::clock_gettime(id, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string to_rfc3339(WallTime time) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  time_t whole = seconds.time_since_epoch().count();
  tm parts{};
  ::gmtime_r(&whole, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09lldZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<long long>((time - seconds).count()));
  return text;
}

Result<WallTime> from_rfc3339(std::string_view text) {
  tm parts{};
  int consumed = 0;
  std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                  &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &consumed) != 6)
    return Failure(invalid_argument("not an RFC 3339 time: '" + copy + "'"));
  std::string_view rest = text.substr(static_cast<size_t>(consumed));
  int64_t nanoseconds = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    int64_t scale = 100'000'000;
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      nanoseconds += (rest[0] - '0') * scale;
      scale /= 10;
      rest.remove_prefix(1);
    }
  }
  // Nanoseconds in 64 bits reach from 1677 to 2262.
  if (rest != "Z" || parts.tm_year < 1678 || parts.tm_year > 2261 || parts.tm_mon < 1 || parts.tm_mon > 12 ||
      parts.tm_mday < 1 || parts.tm_mday > 31 || parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
    return Failure(invalid_argument("not an RFC 3339 time in UTC: '" + copy + "'"));
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return WallTime(std::chrono::seconds(::timegm(&parts)) + std::chrono::nanoseconds(nanoseconds));
}

}  // namespace hv::base
