// Time zones as the system's files describe them (RFC 9636, TZif): what a clock on the wall shows at an instant, and
// which instant it means. The standard library of this compiler has none.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::base {

using Instant = std::chrono::sys_seconds;
using LocalSeconds = std::chrono::local_seconds;

class TimeZone {
 public:
  // By its name in the database of zones, such as "Europe/Vienna"; empty: this machine's own. not_found with where was
  // looked.
  static Result<TimeZone> open(std::string_view name, const std::string& database = "/usr/share/zoneinfo",
                               const std::string& local = "/etc/localtime");
  // invalid_argument for bytes that are no description of a zone.
  static Result<TimeZone> parse(std::string_view bytes, std::string name);
  static TimeZone utc() { return TimeZone("UTC"); }

  const std::string& name() const { return name_; }
  std::chrono::seconds offset_at(Instant instant) const;
  LocalSeconds local(Instant instant) const { return LocalSeconds(instant.time_since_epoch() + offset_at(instant)); }
  // The first instant at which the clock shows this time or a later one: of an hour that comes twice the first, of one
  // that is left out its end.
  Instant first(LocalSeconds local) const;

 private:
  explicit TimeZone(std::string name) : name_(std::move(name)) {}

  // A day of each year on which clocks change, as POSIX's TZ has them.
  struct Change {
    enum class Kind { month, julian, day } kind = Kind::month;
    int month = 0, week = 0, day = 0;
    int seconds = 2 * 3600;  // of that day, by the clock before the change
    Instant at(int year, int offset) const;
  };
  struct Rule {
    int standard = 0;  // seconds east of UTC
    int summer = 0;
    bool has_summer = false;
    Change begin, end;
    int offset_at(Instant instant) const;
  };
  static bool parse_rule(std::string_view text, Rule& rule);

  std::string name_;
  std::vector<std::pair<int64_t, int32_t>> transitions_;  // from when on which offset
  int32_t first_offset_ = 0;
  bool has_rule_ = false;  // for what comes after the last transition
  Rule rule_;
};

// A name that can be looked for in the database.
bool is_zone_name(std::string_view name);

}  // namespace hv::base
