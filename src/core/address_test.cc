#include "core/address.h"

#include <gtest/gtest.h>

namespace hv::core {
namespace {

TEST(Address, IsWrittenInItsOneForm) {
  EXPECT_EQ(parse_address("192.0.2.1")->text(), "192.0.2.1");
  EXPECT_EQ(parse_address("2001:DB8:0:0:0:0:0:1")->text(), "2001:db8::1");
  EXPECT_EQ(IpAddress::from_v4(0x7f000001).text(), "127.0.0.1");
  EXPECT_EQ(parse_address("10.1.2.3")->v4(), 0x0a010203u);
}

TEST(Address, TakesOnlyTheUsualSpelling) {
  for (const char* text : {"", "1", "1.2.3", "01.2.3.4", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "fe80::1%eth0", "[::1]",
                           ":::", "1:2:3:4:5:6:7:8:9", "0x7f.0.0.1"})
    EXPECT_FALSE(parse_address(text)) << text;
  EXPECT_FALSE(parse_address(std::string_view("1.2.3.4\0x", 9)));
}

TEST(AddressRange, ContainsWhatSharesItsFirstBits) {
  AddressRange range = *parse_range("172.16.0.0/12");
  EXPECT_TRUE(range.contains(*parse_address("172.31.255.255")));
  EXPECT_FALSE(range.contains(*parse_address("172.32.0.0")));
  EXPECT_FALSE(range.contains(*parse_address("::ac10:1")));
  EXPECT_TRUE(parse_range("0.0.0.0/0")->contains(*parse_address("8.8.8.8")));
  EXPECT_TRUE(parse_range("fc00::/7")->contains(*parse_address("fdff::1")));
  EXPECT_FALSE(parse_range("fc00::/7")->contains(*parse_address("fe00::1")));
}

TEST(AddressRange, IsWrittenAsItIsRead) {
  for (const char* text : {"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1", "::/0", "0.0.0.0/0"})
    EXPECT_EQ(parse_range(text)->text(), text);
  EXPECT_EQ(parse_range("192.0.2.1/32")->text(), "192.0.2.1");
}

TEST(AddressRange, RefusesBitsBeyondItsLength) {
  EXPECT_EQ(parse_range("10.1.2.3/8").error().message(),
            "'10.1.2.3/8' has bits beyond its prefix length; expected 10.0.0.0/8");
  for (const char* text : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8"})
    EXPECT_FALSE(parse_range(text)) << text;
}

}  // namespace
}  // namespace hv::core
