#include "policy/time_rules.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdio>

#include "base/format.h"
#include "base/text.h"

namespace hv::policy {

namespace {

using base::format;
using base::Instant;
using base::TimeZone;
using std::chrono::days;
using std::chrono::minutes;

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr int kDay = 24 * 60;
constexpr int kWeek = 7 * kDay;
constexpr std::string_view kNever = "never";
constexpr days kHorizon{8};

// The minutes of a week, from Monday's midnight, in which something may run.
using Week = std::bitset<kWeek>;

// Week's end is its beginning. `by` from 0 to kWeek.
Week later(const Week& week, size_t by) {
  return week << by | week >> (kWeek - by);
}

Week earlier(const Week& week, size_t by) {
  return week >> by | week << (kWeek - by);
}

std::optional<int> parse_day(std::string_view text) {
  const auto* found = std::ranges::find(kDays, text);
  if (found == kDays.end()) return std::nullopt;
  return static_cast<int>(found - kDays.begin());
}

// "08:00"; "24:00" ends a day.
std::optional<int> parse_minute(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (size_t i : {0, 1, 3, 4})
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
  int hour = (text[0] - '0') * 10 + (text[1] - '0');
  int minute = (text[3] - '0') * 10 + (text[4] - '0');
  if (minute > 59 || hour > 24 || (hour == 24 && minute != 0)) return std::nullopt;
  return hour * 60 + minute;
}

// [DAYS ]HH:MM-HH:MM with DAYS a list of DAY and DAY-DAY. A window that ends before it begins goes over midnight, and
// belongs to the day on which it begins.
bool add_window(std::string_view text, Week& week) {
  if (text == kNever) return true;
  std::array<bool, 7> on{};
  size_t space = text.find(' ');
  if (space == std::string_view::npos) on.fill(true);
  for (const std::string& part : base::split(space == std::string_view::npos ? "" : text.substr(0, space), ',')) {
    if (space == std::string_view::npos) break;
    size_t dash = part.find('-');
    auto first = parse_day(std::string_view(part).substr(0, dash));
    auto last = dash == std::string::npos ? first : parse_day(std::string_view(part).substr(dash + 1));
    if (!first || !last) return false;
    for (int day = *first;; day = (day + 1) % 7) {
      on[static_cast<size_t>(day)] = true;
      if (day == *last) break;
    }
  }
  std::string_view hours = space == std::string_view::npos ? text : text.substr(space + 1);
  if (hours.size() != 11 || hours[5] != '-') return false;
  auto begin = parse_minute(hours.substr(0, 5));
  auto end = parse_minute(hours.substr(6));
  if (!begin || !end || *begin == *end || *begin == kDay) return false;
  int length = *end > *begin ? *end - *begin : kDay - *begin + *end;
  Week window = Week().set() >> static_cast<size_t>(kWeek - length);
  for (int day = 0; day < 7; ++day)
    if (on[static_cast<size_t>(day)]) week |= later(window, static_cast<size_t>(day * kDay + *begin));
  return true;
}

Week week_of(const std::vector<std::string>& hours) {
  Week week;
  if (hours.empty()) return week.set();
  for (const std::string& window : hours) add_window(window, week);
  return week;
}

size_t minute_of_week(Instant instant, const TimeZone& zone) {
  base::LocalSeconds local = zone.local(instant);
  auto day = std::chrono::floor<days>(local);
  auto minute = std::chrono::floor<minutes>(local - day).count();
  unsigned weekday = std::chrono::weekday(day).iso_encoding() - 1;
  return weekday * static_cast<size_t>(kDay) + static_cast<size_t>(minute);
}

// The first whole minute from `at` on, and before `end`, at which it is open, or closed. Clocks change between minutes:
// an hour in which one does is looked at minute by minute, so that one that is left out or comes twice needs no rule.
std::optional<Instant> next_change(const Week& week, bool to_open, const TimeZone& zone, Instant at, Instant end) {
  Week wanted = to_open ? week : ~week;
  constexpr std::chrono::hours kHour{1};
  while (at < end) {
    auto offset = zone.offset_at(at);
    Instant steady = at;
    while (steady < end && zone.offset_at(steady + kHour) == offset) steady += kHour;
    size_t wait = earlier(wanted, minute_of_week(at, zone))._Find_first();
    if (wait < kWeek && at + minutes(wait) < std::min(steady, end)) return at + minutes(wait);
    for (at = steady; at < steady + kHour && at < end; at += minutes(1))
      if (wanted.test(minute_of_week(at, zone))) return at;
  }
  return std::nullopt;
}

// The same windows in as few texts as days and gaps allow.
std::vector<std::string> to_windows(const Week& week) {
  if (week.none()) return {std::string(kNever)};
  if (week.all()) return {"00:00-24:00"};
  std::vector<std::string> windows;
  auto clock = [](int minute) { return format("{:02}:{:02}", minute / 60, minute % 60); };
  for (int day = 0; day < 7; ++day)
    for (int at = 0; at < kDay;) {
      if (!week.test(static_cast<size_t>(day * kDay + at))) {
        ++at;
        continue;
      }
      int begin = at;
      while (at < kDay && week.test(static_cast<size_t>(day * kDay + at))) ++at;
      windows.push_back(format("{} {}-{}", kDays[static_cast<size_t>(day)], clock(begin), clock(at)));
    }
  return windows;
}

// A day alone lasts until it is over.
base::LocalSeconds end_of(std::string_view not_after) {
  base::LocalSeconds local = parse_local(not_after).value_or(base::LocalSeconds());
  return not_after.find('T') == std::string_view::npos ? local + days(1) : local;
}

}  // namespace

std::optional<base::LocalSeconds> parse_local(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  std::string copy(text.substr(0, 32));
  bool timed = copy.find('T') != std::string::npos;
  int used = 0;
  int read = timed ? std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d%n", &year, &month, &day, &hour, &minute, &used)
                   : std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used);
  if (read != (timed ? 5 : 3) || static_cast<size_t>(used) != text.size() || text.size() != (timed ? 16u : 10u))
    return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || hour < 0 || hour > 23 || minute < 0 || minute > 59) return std::nullopt;
  return std::chrono::local_days(date) + std::chrono::hours(hour) + minutes(minute);
}

std::optional<std::string> why_no_window(std::string_view text) {
  Week week;
  if (text.size() <= 64 && add_window(text, week)) return std::nullopt;
  return format("expected days and hours, such as \"mon-fri 08:00-18:00\" or \"22:00-06:00\"; found \"{}\"",
                base::printable(text.substr(0, 64)));
}

std::optional<std::string> why_no_end(std::string_view text) {
  if (parse_local(text)) return std::nullopt;
  return format("expected a date such as \"2026-12-31\" or \"2026-12-31T18:00\"; found \"{}\"",
                base::printable(text.substr(0, 64)));
}

TimeDecision decide(const TimeRules& rules, const TimeZone& zone, Instant now) {
  TimeDecision decision;
  std::optional<Instant> last;
  if (!rules.not_after.empty()) {
    last = zone.first(end_of(rules.not_after));
    decision.key = "time.not_after";
    if (now >= *last) {
      decision.open = false;
      return decision;
    }
    decision.until = last;
  }
  if (rules.hours.empty()) return decision;
  Week week = week_of(rules.hours);
  bool open = week.test(minute_of_week(now, zone));
  std::optional<Instant> at =
      next_change(week, !open, zone, std::chrono::floor<minutes>(now) + minutes(1), now + kHorizon);
  if (at && last && *at >= *last) at.reset();
  decision.open = open;
  if (!open) {
    decision.key = "time.hours";
    decision.until.reset();
    decision.next = at;
  } else if (at) {
    decision.key = "time.hours";
    decision.until = at;
  }
  return decision;
}

TimeRules intersect(const TimeRules& a, const TimeRules& b) {
  if (!b.any()) return a;
  if (!a.any()) return b;
  TimeRules both{a.zone, {}, a.not_after};
  if (a.zone != b.zone) {
    both.hours = {std::string(kNever)};
    return both;
  }
  if (a.hours.empty() || b.hours.empty())
    both.hours = a.hours.empty() ? b.hours : a.hours;
  else
    both.hours = a.hours == b.hours ? a.hours : to_windows(week_of(a.hours) & week_of(b.hours));
  if (both.not_after.empty() || (!b.not_after.empty() && end_of(b.not_after) < end_of(both.not_after)))
    both.not_after = b.not_after;
  return both;
}

std::string to_text(Instant instant, const TimeZone& zone) {
  base::LocalSeconds local = zone.local(instant);
  auto day = std::chrono::floor<days>(local);
  std::chrono::year_month_day date(day);
  auto minute = std::chrono::floor<minutes>(local - day).count();
  std::string name(kDays[std::chrono::weekday(day).iso_encoding() - 1]);
  name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return format("{} {:04}-{:02}-{:02} {:02}:{:02}", name, static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), minute / 60, minute % 60);
}

}  // namespace hv::policy
