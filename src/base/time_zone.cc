#include "base/time_zone.h"

#include <algorithm>
#include <charconv>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::base {

namespace {

using std::chrono::seconds;

constexpr size_t kHeader = 44;

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  int64_t number(size_t width) {
    if (bytes_.size() - at_ < width) return fail();
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value = value << 8 | static_cast<uint8_t>(bytes_[at_++]);
    return width == 4 ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
  }
  void skip(size_t count) { bytes_.size() - at_ < count ? void(fail()) : void(at_ += count); }
  std::string_view rest() const { return bytes_.substr(at_); }
  bool good() const { return good_; }

 private:
  int64_t fail() {
    good_ = false;
    at_ = bytes_.size();
    return 0;
  }
  std::string_view bytes_;
  size_t at_ = 0;
  bool good_ = true;
};

struct Counts {
  size_t is_utc = 0, is_standard = 0, leaps = 0, times = 0, types = 0, letters = 0;
  size_t bytes(size_t width) const {
    return times * (width + 1) + types * 6 + letters + leaps * (width + 4) + is_standard + is_utc;
  }
};

// More than any zone has, and little enough that no sum of them is out of range.
constexpr int64_t kMost = 1 << 20;

bool read_header(Bytes& bytes, Counts& counts, char& version) {
  std::string_view rest = bytes.rest();
  if (rest.size() < kHeader || !rest.starts_with("TZif")) return false;
  version = rest[4];
  bytes.skip(20);
  for (size_t* count :
       {&counts.is_utc, &counts.is_standard, &counts.leaps, &counts.times, &counts.types, &counts.letters}) {
    int64_t value = bytes.number(4);
    if (value < 0 || value > kMost) return false;
    *count = static_cast<size_t>(value);
  }
  return bytes.good() && counts.types > 0;
}

// The parts of POSIX's TZ, taken from the front of a text.
class Text {
 public:
  explicit Text(std::string_view text) : text_(text) {}
  bool at_end() const { return text_.empty(); }
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool letters() {
    if (take('<')) {
      size_t end = text_.find('>');
      if (end == std::string_view::npos) return false;
      text_.remove_prefix(end + 1);
      return true;
    }
    size_t count = 0;
    while (count < text_.size() && ((text_[count] | 32) >= 'a' && (text_[count] | 32) <= 'z')) ++count;
    text_.remove_prefix(count);
    return count >= 3;
  }
  bool number(int& value) {
    auto [end, error] = std::from_chars(text_.data(), text_.data() + std::min<size_t>(text_.size(), 4), value);
    if (error != std::errc() || value < 0) return false;
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return true;
  }
  // [+-]hh[:mm[:ss]]
  bool time(int& value) {
    int sign = take('-') ? -1 : 1;
    if (sign == 1) take('+');
    int parts[3] = {0, 0, 0};
    for (int i = 0; i < 3; ++i) {
      if (i > 0 && !take(':')) break;
      if (!number(parts[i])) return false;
    }
    if (parts[0] > 167 || parts[1] > 59 || parts[2] > 59) return false;
    value = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
    return true;
  }

 private:
  std::string_view text_;
};

}  // namespace

bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.starts_with('/')) return false;
  for (const std::string& part : split(name, '/'))
    if (part.empty() || part[0] == '.') return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("+-_/").contains(c);
  });
}

bool TimeZone::parse_rule(std::string_view footer, Rule& rule) {
  Text text(footer);
  int west = 0;
  if (!text.letters() || !text.time(west)) return false;
  rule.standard = -west;
  if (text.at_end()) return true;
  rule.has_summer = true;
  rule.summer = rule.standard + 3600;
  if (!text.letters()) return false;
  if (!text.take(',')) {
    if (!text.time(west) || !text.take(',')) return false;
    rule.summer = -west;
  }
  auto change = [&](Change& when) {
    if (text.take('M')) {
      when.kind = Change::Kind::month;
      if (!text.number(when.month) || !text.take('.') || !text.number(when.week) || !text.take('.') ||
          !text.number(when.day))
        return false;
      if (when.month < 1 || when.month > 12 || when.week < 1 || when.week > 5 || when.day > 6) return false;
    } else {
      when.kind = text.take('J') ? Change::Kind::julian : Change::Kind::day;
      if (!text.number(when.day) || when.day > 365) return false;
    }
    return !text.take('/') || text.time(when.seconds);
  };
  return change(rule.begin) && text.take(',') && change(rule.end) && text.at_end();
}

Instant TimeZone::Change::at(int year, int offset) const {
  using namespace std::chrono;
  sys_days first = sys_days(std::chrono::year(year) / January / 1);
  sys_days date;
  switch (kind) {
    case Kind::month: {
      year_month in = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month));
      weekday wanted(static_cast<unsigned>(day));
      date = week == 5 ? sys_days(in / wanted[last]) : sys_days(in / wanted[static_cast<unsigned>(week)]);
      break;
    }
    case Kind::julian: {
      // From 1, and 29 February does not count.
      bool leap = std::chrono::year(year).is_leap();
      date = first + days(day - 1 + (leap && day >= 60 ? 1 : 0));
      break;
    }
    case Kind::day:
      date = first + days(day);
      break;
  }
  return date + std::chrono::seconds(seconds - offset);
}

int TimeZone::Rule::offset_at(Instant instant) const {
  if (!has_summer) return standard;
  using namespace std::chrono;
  int year = static_cast<int>(year_month_day(floor<days>(instant + std::chrono::seconds(standard))).year());
  Instant from = begin.at(year, standard);
  Instant to = end.at(year, summer);
  // South of the equator summer goes over the end of the year.
  bool is_summer = from < to ? instant >= from && instant < to : instant >= from || instant < to;
  return is_summer ? summer : standard;
}

Result<TimeZone> TimeZone::parse(std::string_view all, std::string name) {
  auto bad = [&] { return Failure(invalid_argument(format("'{}' is no description of a time zone", name))); };
  Bytes bytes(all);
  Counts counts;
  char version = 0;
  if (!read_header(bytes, counts, version)) return bad();
  size_t width = 4;
  if (version >= '2') {
    // The same again, with wider numbers.
    bytes.skip(counts.bytes(4));
    if (!read_header(bytes, counts, version)) return bad();
    width = 8;
  }
  TimeZone zone(std::move(name));
  for (size_t i = 0; i < counts.times && bytes.good(); ++i) zone.transitions_.emplace_back(bytes.number(width), 0);
  if (!bytes.good() || bytes.rest().size() < counts.times) return bad();
  std::string_view kinds = bytes.rest().substr(0, counts.times);
  bytes.skip(counts.times);
  std::vector<int32_t> offsets;
  for (size_t i = 0; i < counts.types && bytes.good(); ++i) {
    offsets.push_back(static_cast<int32_t>(bytes.number(4)));
    bytes.skip(2);
  }
  bytes.skip(counts.letters + counts.leaps * (width + 4) + counts.is_standard + counts.is_utc);
  if (!bytes.good()) return bad();
  for (int32_t offset : offsets)
    if (offset < -26 * 3600 || offset > 26 * 3600) return bad();
  zone.first_offset_ = offsets[0];
  for (size_t i = 0; i < kinds.size(); ++i) {
    auto kind = static_cast<uint8_t>(kinds[i]);
    if (kind >= offsets.size()) return bad();
    zone.transitions_[i].second = offsets[kind];
  }
  if (!std::ranges::is_sorted(zone.transitions_)) return bad();
  std::string_view footer = bytes.rest();
  if (width == 8 && footer.starts_with('\n') && footer.size() > 2) {
    footer.remove_prefix(1);
    footer = footer.substr(0, footer.find('\n'));
    if (!footer.empty()) {
      if (!parse_rule(footer, zone.rule_)) return bad();
      zone.has_rule_ = true;
    }
  }
  return zone;
}

Result<TimeZone> TimeZone::open(std::string_view name, const std::string& database, const std::string& local) {
  if (name == "UTC") return utc();
  if (!name.empty() && !is_zone_name(name))
    return Failure(invalid_argument(format("'{}' cannot be the name of a time zone", printable(name))));
  std::string path = name.empty() ? local : format("{}/{}", database, name);
  Result<std::string> bytes = read_file(path);
  // A machine without the file is at UTC, as for every other program.
  if (!bytes && name.empty() && bytes.error().os_error() == ENOENT) return utc();
  if (!bytes)
    return Failure(not_found(format("no time zone '{}': {}", printable(name), bytes.error().message()))
                       .with_hint("names are those of the system's zones, such as Europe/Vienna"));
  return parse(*bytes, name.empty() ? "the machine's zone" : std::string(name));
}

seconds TimeZone::offset_at(Instant instant) const {
  int64_t when = instant.time_since_epoch().count();
  if (has_rule_ && (transitions_.empty() || when >= transitions_.back().first))
    return seconds(rule_.offset_at(instant));
  auto after = std::ranges::upper_bound(transitions_, when, {}, &std::pair<int64_t, int32_t>::first);
  return seconds(after == transitions_.begin() ? first_offset_ : std::prev(after)->second);
}

Instant TimeZone::first(LocalSeconds wanted) const {
  // Offsets are less than 26 hours: between these two the clock reaches the time, and it goes back at most once.
  Instant low(wanted.time_since_epoch() - std::chrono::hours(26));
  Instant high(wanted.time_since_epoch() + std::chrono::hours(26));
  constexpr auto kStep = std::chrono::minutes(15);
  // In steps first: where a clock goes back, halving could find the second time.
  while (low + kStep < high && local(low + kStep) < wanted) low += kStep;
  high = low + kStep;
  while (high - low > seconds(1)) {
    Instant middle = low + (high - low) / 2;
    (local(middle) < wanted ? low : high) = middle;
  }
  return high;
}

}  // namespace hv::base
