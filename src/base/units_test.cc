#include "base/units.h"

#include <gtest/gtest.h>

namespace hv::base {
namespace {

TEST(Units, ReadsSizesAsPeopleWriteThem) {
  EXPECT_EQ(parse_bytes("512MiB")->value, 512ull << 20);
  EXPECT_EQ(parse_bytes("1.5G")->value, 3ull << 29);
  EXPECT_EQ(parse_bytes("10 KB")->value, 10'000u);
  EXPECT_EQ(parse_bytes("17")->value, 17u);
  for (const char* bad : {"", "G", "-1", "1.G", "1QB", "99999999999T", "1 2"}) EXPECT_FALSE(parse_bytes(bad)) << bad;
}

TEST(Units, ShowsSizesShort) {
  EXPECT_EQ(to_text(ByteCount{17}), "17 B");
  EXPECT_EQ(to_text(ByteCount{3ull << 29}), "1.5 GiB");
  EXPECT_EQ(to_text(ByteCount{512ull << 20}), "512 MiB");
}

TEST(Units, ReadsAndShowsDurations) {
  using namespace std::chrono_literals;
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("1.5s"), 1500ms);
  for (const char* bad : {"", "5", "m", "1y", "1h-3m"}) EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_EQ(to_text(90min), "1h30m");
  EXPECT_EQ(to_text(0ms), "0s");
}

}  // namespace
}  // namespace hv::base
