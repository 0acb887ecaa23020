#include "base/time_zone.h"

#include <gtest/gtest.h>

#include "base/fd.h"

namespace hv::base {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

// A zone without transitions, and with this rule for all time, as tools make them of it.
std::string file_of(const std::string& rule) {
  std::string header = std::string("TZif2") + std::string(15, '\0');
  auto counts = [](int types, int letters) {
    std::string text(16, '\0');
    text += std::string(3, '\0') + static_cast<char>(types) + std::string(3, '\0') + static_cast<char>(letters);
    return text;
  };
  std::string block = std::string(6, '\0') + std::string("UTC\0", 4);
  return header + counts(1, 4) + block + header + counts(1, 4) + block + "\n" + rule + "\n";
}

TimeZone zone(const std::string& rule) {
  return *TimeZone::parse(file_of(rule), "test");
}

LocalSeconds local(int year, unsigned month, unsigned day, seconds time) {
  return local_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) + time;
}

Instant utc(int year, unsigned month, unsigned day, seconds time) {
  return sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) + time;
}

constexpr const char* kVienna = "CET-1CEST,M3.5.0,M10.5.0/3";

TEST(TimeZone, ChangesOnTheDaysOfItsRule) {
  TimeZone vienna = zone(kVienna);
  EXPECT_EQ(vienna.offset_at(utc(2026, 3, 29, 3599s)), 3600s);
  EXPECT_EQ(vienna.offset_at(utc(2026, 3, 29, 3600s)), 7200s);
  EXPECT_EQ(vienna.offset_at(utc(2026, 10, 25, 3599s)), 7200s);
  EXPECT_EQ(vienna.offset_at(utc(2026, 10, 25, 3600s)), 3600s);
}

TEST(TimeZone, KnowsTheSouthAndOddForms) {
  TimeZone sydney = zone("AEST-10AEDT,M10.1.0,M4.1.0/3");
  EXPECT_EQ(sydney.offset_at(utc(2026, 1, 1, 0s)), 39'600s);
  EXPECT_EQ(sydney.offset_at(utc(2026, 7, 1, 0s)), 36'000s);
  EXPECT_EQ(zone("<+0545>-5:45").offset_at(utc(2026, 7, 1, 0s)), 20'700s);
  EXPECT_EQ(zone("XXX3YYY,J60,300/1").offset_at(utc(2026, 6, 1, 0s)), -7200s);
}

TEST(TimeZone, MeansTheFirstOfAnHourThatComesTwice) {
  TimeZone vienna = zone(kVienna);
  EXPECT_EQ(vienna.first(local(2026, 10, 25, 2h + 30min)), utc(2026, 10, 25, 30min));
  EXPECT_EQ(vienna.first(local(2026, 10, 25, 3h)), utc(2026, 10, 25, 2h));
}

TEST(TimeZone, MeansTheEndOfAnHourThatIsLeftOut) {
  TimeZone vienna = zone(kVienna);
  EXPECT_EQ(vienna.first(local(2026, 3, 29, 2h + 30min)), utc(2026, 3, 29, 1h));
  EXPECT_EQ(vienna.first(local(2026, 3, 29, 3h)), utc(2026, 3, 29, 1h));
  EXPECT_EQ(vienna.first(local(2026, 7, 1, 12h)), utc(2026, 7, 1, 10h));
}

TEST(TimeZone, ReadsTheSystemsFiles) {
  auto vienna = TimeZone::open("Europe/Vienna");
  if (!vienna) GTEST_SKIP() << "SKIPPED: " << vienna.error().text();
  EXPECT_EQ(vienna->offset_at(utc(1985, 7, 1, 0s)), 7200s);
  EXPECT_EQ(vienna->offset_at(utc(2026, 11, 25, 0s)), 3600s);
  EXPECT_EQ(vienna->offset_at(utc(2150, 7, 1, 0s)), 7200s) << "far behind its last transition";
}

TEST(TimeZone, IsTheMachinesOwnWithoutAName) {
  EXPECT_EQ(TimeZone::open("", "/nonexistent", "/nonexistent")->offset_at(utc(2026, 7, 1, 0s)), 0s);
  EXPECT_FALSE(TimeZone::open("No/Such", "/nonexistent"));
  EXPECT_FALSE(TimeZone::open("../../etc/passwd"));
  EXPECT_FALSE(TimeZone::open("/etc/localtime"));
}

TEST(TimeZone, RefusesEveryCutFile) {
  std::string whole = file_of(kVienna);
  for (size_t size = 0; size + 30 < whole.size(); ++size)
    EXPECT_FALSE(TimeZone::parse(std::string_view(whole).substr(0, size), "cut")) << size;
  for (const char* rule :
       {"CET", "CET-1CEST", "CET-1CEST,M13.1.0,M4.1.0", "CET-1CEST,M3.5.0", "C-1", "<CET-1", "CET-1X"})
    EXPECT_FALSE(TimeZone::parse(file_of(rule), "bad")) << rule;
  std::string many = whole;
  many[32] = '\x7f';
  EXPECT_FALSE(TimeZone::parse(many, "many"));
}

}  // namespace
}  // namespace hv::base
