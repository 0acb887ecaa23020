#include "network/dns_name.h"

#include <gtest/gtest.h>

namespace hv::network {
namespace {

using namespace std::string_view_literals;

base::Result<DnsName> read(std::string_view message, size_t at = 0,
                           DnsName::Pointers pointers = DnsName::Pointers::followed) {
  return DnsName::from_wire(message, at, pointers);
}

TEST(DnsName, KeepsTheCaseOnTheWireAndDropsItFromTheText) {
  DnsName name = *DnsName::from_text("ExAmple.ORG.");
  EXPECT_EQ(name.wire(), "\7ExAmple\3ORG\0"sv);
  EXPECT_EQ(name.text(), "example.org");
  EXPECT_EQ(name, *DnsName::from_text("example.org"));
  EXPECT_FALSE(name == *DnsName::from_text("example.com"));
  EXPECT_TRUE(DnsName::from_text(".")->is_root());
  EXPECT_EQ(DnsName().text(), ".");
}

TEST(DnsName, WritesStrangeBytesSoThatNoTwoNamesLookAlike) {
  DnsName dotted = *read("\3a.b\0"sv);
  DnsName split = *read("\1a\1b\0"sv);
  EXPECT_EQ(dotted.text(), "a\\046b");
  EXPECT_EQ(split.text(), "a.b");
  EXPECT_EQ(read("\5\x1b[2J\\\0"sv)->text(), "\\027\\0912j\\092");
  EXPECT_EQ(*DnsName::from_text(dotted.text()), dotted);
  EXPECT_FALSE(dotted.is_host_name());
  EXPECT_TRUE(split.is_host_name());
  EXPECT_FALSE(DnsName().is_host_name());
}

TEST(DnsName, RefusesTextThatIsNoName) {
  for (std::string_view text : {""sv, "a..b"sv, ".a"sv, "a.."sv, "a\\1"sv, "a\\256"sv, "a\\x41"sv, "\\"sv})
    EXPECT_FALSE(DnsName::from_text(text)) << text;
  EXPECT_FALSE(DnsName::from_text(std::string(64, 'a')));
  std::string label = std::string(63, 'a') + ".";
  EXPECT_TRUE(DnsName::from_text(label + label + label + std::string(61, 'a')));
  EXPECT_FALSE(DnsName::from_text(label + label + label + std::string(62, 'a')));
}

TEST(DnsName, FollowsPointersBackwardsOnly) {
  //                        0             9           12
  constexpr auto kMessage = "\7example\0\1a\xc0\0\3www\xc0\x09"sv;
  size_t at = 9;
  EXPECT_EQ(DnsName::from_wire(kMessage, at, DnsName::Pointers::followed)->text(), "a.example");
  EXPECT_EQ(at, 13u);
  EXPECT_EQ(DnsName::from_wire(kMessage, at, DnsName::Pointers::followed)->text(), "www.a.example");
  EXPECT_EQ(at, kMessage.size());
  EXPECT_FALSE(read(kMessage, 9, DnsName::Pointers::refused)) << "not in a query";
  EXPECT_FALSE(read("\xc0\0"sv)) << "to itself";
  EXPECT_FALSE(read("\1a\xc0\0"sv)) << "to its own beginning";
  EXPECT_FALSE(read("\xc0\2\1a\0"sv)) << "forwards, to a whole name";
  EXPECT_FALSE(read("\xc0\2\xc0\0"sv, 2)) << "back and forth";
  EXPECT_FALSE(read("\1a\xc0"sv)) << "cut off";
}

TEST(DnsName, FollowsNoEndlessStair) {
  std::string stair("\1a\0", 3);
  for (size_t i = 0; i < 200; ++i) {
    size_t target = i == 0 ? 0 : 3 + 2 * (i - 1);
    stair.push_back(static_cast<char>(0xc0 | target >> 8));
    stair.push_back(static_cast<char>(target & 0xff));
  }
  EXPECT_TRUE(read(stair, 3 + 2 * 126));
  EXPECT_FALSE(read(stair, 3 + 2 * 127));
}

TEST(DnsName, RefusesBrokenLabels) {
  EXPECT_FALSE(read(""sv));
  EXPECT_FALSE(read("\1"sv));
  EXPECT_FALSE(read("\1a"sv)) << "no end";
  EXPECT_FALSE(
      read("\x40"
           "a\0"sv))
      << "neither label nor pointer";
  EXPECT_FALSE(
      read("\x80"
           "a\0"sv));
  std::string label = "\x3f" + std::string(63, 'a');
  std::string wire = label + label + label + "\x3d" + std::string(61, 'a');
  EXPECT_TRUE(read(wire + '\0')) << "255 bytes";
  wire = label + label + label + "\x3e" + std::string(62, 'a');
  EXPECT_FALSE(read(wire + '\0')) << "256 bytes";
}

}  // namespace
}  // namespace hv::network
