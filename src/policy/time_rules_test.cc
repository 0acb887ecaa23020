#include "policy/time_rules.h"

#include <gtest/gtest.h>

#include "base/format.h"

namespace hv::policy {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

base::TimeZone vienna() {
  auto zone = base::TimeZone::open("Europe/Vienna");
  return zone ? *zone : base::TimeZone::utc();
}

// By Vienna's clock; a time that comes twice is the first.
base::Instant at(const char* text) {
  return vienna().first(*parse_local(text));
}

// What is decided, by the same clock.
std::string say(const TimeRules& rules, base::Instant now) {
  TimeDecision decision = decide(rules, vienna(), now);
  auto when = [](std::optional<base::Instant> instant) { return instant ? to_text(*instant, vienna()) : "-"; };
  return decision.open ? "open until " + when(decision.until) : "closed until " + when(decision.next);
}

class TimeRulesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!base::TimeZone::open("Europe/Vienna")) GTEST_SKIP() << "SKIPPED: this machine has no database of time zones";
  }
};

TEST_F(TimeRulesTest, AreOpenWithinAWindowAndNameTheNext) {
  TimeRules office{"", {"mon-fri 08:00-18:00"}, ""};
  EXPECT_EQ(say(office, at("2026-11-25T07:59")), "closed until Wed 2026-11-25 08:00");
  EXPECT_EQ(say(office, at("2026-11-25T08:00")), "open until Wed 2026-11-25 18:00");
  EXPECT_EQ(say(office, at("2026-11-25T17:59")), "open until Wed 2026-11-25 18:00");
  EXPECT_EQ(say(office, at("2026-11-25T18:00")), "closed until Thu 2026-11-26 08:00");
  EXPECT_EQ(say(office, at("2026-11-27T18:00")), "closed until Mon 2026-11-30 08:00");
}

TEST_F(TimeRulesTest, JoinWindowsThatTouchAndGoOverMidnight) {
  EXPECT_EQ(say({"", {"22:00-24:00", "00:00-06:00"}, ""}, at("2026-11-25T23:00")), "open until Thu 2026-11-26 06:00");
  TimeRules night{"", {"fri 22:00-06:00"}, ""};
  EXPECT_EQ(say(night, at("2026-11-28T05:00")), "open until Sat 2026-11-28 06:00");
  EXPECT_EQ(say(night, at("2026-11-27T05:00")), "closed until Fri 2026-11-27 22:00");
  EXPECT_EQ(say({"", {"sat-mon,wed 10:00-11:00"}, ""}, at("2026-11-30T11:00")), "closed until Wed 2026-12-02 10:00");
}

TEST_F(TimeRulesTest, FollowTheClockThroughItsChanges) {
  // In the night of 29 March the hour from two to three is left out, in that of 25 October it comes twice.
  TimeRules hour{"", {"02:00-03:00"}, ""};
  EXPECT_EQ(say(hour, at("2026-03-29T01:59")), "closed until Mon 2026-03-30 02:00");
  base::Instant autumn = at("2026-10-25T02:00");
  EXPECT_EQ(say(hour, autumn), "open until Sun 2026-10-25 03:00");
  EXPECT_EQ(decide(hour, vienna(), autumn).until, autumn + 2h);
  TimeRules night{"", {"22:00-06:00"}, ""};
  EXPECT_EQ(*decide(night, vienna(), at("2026-03-28T22:00")).until - at("2026-03-28T22:00"), 7h);
  EXPECT_EQ(*decide(night, vienna(), at("2026-10-24T22:00")).until - at("2026-10-24T22:00"), 9h);
}

TEST_F(TimeRulesTest, EndWithTheLastDay) {
  TimeRules last{"", {}, "2026-12-31"};
  EXPECT_EQ(say(last, at("2026-12-31T23:59")), "open until Fri 2027-01-01 00:00");
  EXPECT_EQ(say(last, at("2026-12-31T23:59") + 60s), "closed until -");
  TimeRules both{"", {"mon-fri 08:00-18:00"}, "2026-11-25T12:00"};
  EXPECT_EQ(say(both, at("2026-11-25T09:00")), "open until Wed 2026-11-25 12:00");
  EXPECT_EQ(say(both, at("2026-11-24T19:00")), "closed until Wed 2026-11-25 08:00");
  EXPECT_EQ(say(both, at("2026-11-25T07:00") - 24h), "closed until Tue 2026-11-24 08:00");
  EXPECT_EQ(say({"", {"thu 08:00-18:00"}, "2026-11-25"}, at("2026-11-25T09:00")), "closed until -");
}

TEST_F(TimeRulesTest, AreAlwaysOpenWithoutAny) {
  EXPECT_EQ(say({}, at("2026-11-25T03:00")), "open until -");
  EXPECT_EQ(say({"", {"00:00-24:00"}, ""}, at("2026-11-25T03:00")), "open until -");
  EXPECT_EQ(say({"", {"never"}, ""}, at("2026-11-25T03:00")), "closed until -");
}

TEST_F(TimeRulesTest, AreReadStrictly) {
  for (const char* good : {"08:00-18:00", "mon 08:00-18:00", "mon,wed-fri 00:00-24:00", "sun-tue 23:00-01:00", "never"})
    EXPECT_FALSE(why_no_window(good)) << good;
  for (const char* bad : {"", "mon", "8:00-18:00", "08:00-25:00", "08:00-08:00", "24:00-06:00", "mond 08:00-18:00",
                          "mon- 08:00-18:00", "mon,,tue 08:00-18:00", "mon  08:00-18:00", "08:00-18:00 ", "08:60-09:00",
                          "Mon 08:00-18:00", " 08:00-18:00", "08:00–18:00"})
    EXPECT_TRUE(why_no_window(bad)) << bad;
  for (const char* good : {"2026-12-31", "2028-02-29", "2026-12-31T18:00"}) EXPECT_FALSE(why_no_end(good)) << good;
  for (const char* bad : {"", "2026-13-01", "2027-02-29", "2026-1-1", "2026-12-31T24:00", "2026-12-31 18:00",
                          "2026-12-31T18:00Z", "tomorrow", "2026-12-31T18:0", "+026-12-31"})
    EXPECT_TRUE(why_no_end(bad)) << bad;
}

TEST_F(TimeRulesTest, MeetWhereBothAreOpen) {
  TimeRules a{"", {"mon-fri 08:00-18:00"}, "2026-12-31"};
  TimeRules b{"", {"wed-sun 12:00-20:00"}, "2026-12-31T12:00"};
  TimeRules both = intersect(a, b);
  for (base::Instant now = at("2026-11-23T00:00"); now < at("2026-11-30T00:00"); now += 30min)
    ASSERT_EQ(decide(both, vienna(), now).open, decide(a, vienna(), now).open && decide(b, vienna(), now).open)
        << to_text(now, vienna());
  EXPECT_EQ(both.not_after, "2026-12-31T12:00");
  for (const std::string& window : both.hours) EXPECT_FALSE(why_no_window(window)) << window;
  EXPECT_EQ(intersect(a, TimeRules{}), a);
  EXPECT_EQ(intersect(TimeRules{}, b), b);
  TimeRules other = b;
  other.zone = "Asia/Tokyo";
  EXPECT_EQ(say(intersect(a, other), at("2026-11-25T13:00")), "closed until -");
  EXPECT_EQ(say(intersect({"", {"mon 08:00-09:00"}, ""}, {"", {"tue 08:00-09:00"}, ""}), at("2026-11-25T13:00")),
            "closed until -");
}

}  // namespace
}  // namespace hv::policy
