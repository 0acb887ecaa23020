// `[time]`: when a sandbox may start and run. Windows of the week by a clock on the wall, and a day after which nothing
// runs. Pure: the time and the zone are arguments.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time_zone.h"

namespace hv::policy {

struct TimeRules {
  std::string zone;                // a name in the system's database; empty: the machine's own
  std::vector<std::string> hours;  // "mon-fri 08:00-18:00"; empty: always; "never": not at all
  std::string not_after;           // "2026-12-31" or "2026-12-31T18:00", in the zone; empty: no end
  bool operator==(const TimeRules&) const = default;
  bool any() const { return !hours.empty() || !not_after.empty(); }
};

// Why not, or nothing: what was expected instead.
std::optional<std::string> why_no_window(std::string_view text);
std::optional<std::string> why_no_end(std::string_view text);

struct TimeDecision {
  bool open = true;
  std::optional<base::Instant> until;  // when open: its end, if it comes within eight days or is that of `not_after`
  std::optional<base::Instant> next;   // when closed: the next beginning, if there is one
  std::string key;                     // what decided: "time.hours", "time.not_after"
};
TimeDecision decide(const TimeRules& rules, const base::TimeZone& zone, base::Instant now);

// Both at once. Windows of two zones are never open together as far as this can tell: then it is "never".
TimeRules intersect(const TimeRules& a, const TimeRules& b);

// "Wed 2026-11-25 18:04", by that zone's clock.
std::string to_text(base::Instant instant, const base::TimeZone& zone);

// "2026-11-25T18:00", as `not_after` has it.
std::optional<base::LocalSeconds> parse_local(std::string_view text);

}  // namespace hv::policy
