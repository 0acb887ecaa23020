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

// Written by hand: every record of the ledger has one, and gmtime_r with snprintf takes longer than hashing it.
std::string to_rfc3339(WallTime time) {
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  std::string text = "0000-00-00T00:00:00.000000000Z";
  auto put = [&](size_t end, uint64_t value) {
    for (; value > 0; value /= 10) text[--end] = static_cast<char>('0' + value % 10);
  };
  // Nanoseconds in 64 bits reach from 1677 to 2262.
  put(4, static_cast<uint64_t>(static_cast<int>(date.year())));
  put(7, static_cast<unsigned>(date.month()));
  put(10, static_cast<unsigned>(date.day()));
  put(13, static_cast<uint64_t>(clock.hours().count()));
  put(16, static_cast<uint64_t>(clock.minutes().count()));
  put(19, static_cast<uint64_t>(clock.seconds().count()));
  put(29, static_cast<uint64_t>(clock.subseconds().count()));
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
