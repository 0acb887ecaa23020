#include "network/address_class.h"

#include <gtest/gtest.h>

namespace hv::network {
namespace {

struct Line {
  std::string_view address;
  AddressClass is;
};

void expect(std::span<const Line> lines) {
  for (const Line& line : lines)
    EXPECT_EQ(core::name_of(classify(*core::parse_address(line.address))), core::name_of(line.is)) << line.address;
}

// The first and last address of each block of IANA's registry for IPv4, and their neighbours.
TEST(AddressClass, KnowsIanasSpecialIpv4Blocks) {
  using enum AddressClass;
  constexpr Line kLines[] = {
      {"0.0.0.0", unspecified},
      {"0.255.255.255", unspecified},
      {"1.0.0.0", global},
      {"9.255.255.255", global},
      {"10.0.0.0", local},
      {"10.255.255.255", local},
      {"11.0.0.0", global},
      {"100.63.255.255", global},
      {"100.64.0.0", local},
      {"100.127.255.255", local},
      {"100.128.0.0", global},
      {"126.255.255.255", global},
      {"127.0.0.0", loopback},
      {"127.255.255.255", loopback},
      {"128.0.0.0", global},
      {"169.253.255.255", global},
      {"169.254.0.0", link_local},
      {"169.254.255.255", link_local},
      {"169.255.0.0", global},
      {"172.15.255.255", global},
      {"172.16.0.0", local},
      {"172.31.255.255", local},
      {"172.32.0.0", global},
      {"192.0.0.0", reserved},
      {"192.0.0.8", reserved},
      {"192.0.0.9", global},
      {"192.0.0.10", global},
      {"192.0.0.170", reserved},
      {"192.0.0.255", reserved},
      {"192.0.1.0", global},
      {"192.0.2.0", reserved},
      {"192.0.2.255", reserved},
      {"192.0.3.0", global},
      {"192.31.196.1", global},
      {"192.52.193.1", global},
      {"192.88.99.1", reserved},
      {"192.168.0.0", local},
      {"192.168.255.255", local},
      {"192.169.0.0", global},
      {"192.175.48.1", global},
      {"198.17.255.255", global},
      {"198.18.0.0", reserved},
      {"198.19.255.255", reserved},
      {"198.20.0.0", global},
      {"198.51.100.0", reserved},
      {"198.51.100.255", reserved},
      {"203.0.112.255", global},
      {"203.0.113.0", reserved},
      {"203.0.113.255", reserved},
      {"203.0.114.0", global},
      {"223.255.255.255", global},
      {"224.0.0.0", multicast},
      {"239.255.255.255", multicast},
      {"240.0.0.0", reserved},
      {"255.255.255.254", reserved},
      {"255.255.255.255", multicast},
      {"8.8.8.8", global},
      {"169.254.169.254", metadata},
      {"169.254.170.2", metadata},
      {"100.100.100.200", metadata},
      {"168.63.129.16", metadata},
  };
  expect(kLines);
}

TEST(AddressClass, KnowsIanasSpecialIpv6Blocks) {
  using enum AddressClass;
  constexpr Line kLines[] = {
      {"::", unspecified},
      {"::1", loopback},
      {"100::1", reserved},
      {"100:0:0:1::1", reserved},
      {"1fff:ffff::", reserved},
      {"2001:1::1", global},
      {"2001:1::4", reserved},
      {"2001:2::1", reserved},
      {"2001:3::1", global},
      {"2001:4:112::1", global},
      {"2001:10::1", reserved},
      {"2001:20::1", global},
      {"2001:30::1", global},
      {"2001:1ff:ffff::", reserved},
      {"2001:200::1", global},
      {"2001:db8::1", reserved},
      {"2001:db9::1", global},
      {"2606:4700::1111", global},
      {"2620:4f:8000::1", global},
      {"3fff::1", reserved},
      {"3fff:1000::1", global},
      {"4000::1", reserved},
      {"5f00::1", reserved},
      {"fbff::1", reserved},
      {"fc00::1", local},
      {"fdff:ffff::1", local},
      {"fe00::1", reserved},
      {"fe80::1", link_local},
      {"febf::1", link_local},
      {"fec0::1", local},
      {"feff::1", local},
      {"ff02::1", multicast},
      {"fd00:ec2::254", metadata},
      {"fd20:ce::254", metadata},
      {"fe80::a9fe:a9fe", metadata},
  };
  expect(kLines);
}

TEST(AddressClass, IsThatOfAnEmbeddedAddressWhenItIsStricter) {
  using enum AddressClass;
  constexpr Line kLines[] = {
      {"::ffff:8.8.8.8", global},
      {"::ffff:127.0.0.1", loopback},
      {"::ffff:169.254.169.254", metadata},
      {"::ffff:0:10.0.0.1", local},
      {"::10.0.0.1", local},
      {"::8.8.8.8", global},
      {"::5", unspecified},
      {"2002:808:808::1", global},
      {"2002:a00:1::1", local},
      {"2002:7f00:1::", loopback},
      {"64:ff9b::8.8.8.8", global},
      {"64:ff9b::10.0.0.1", local},
      {"64:ff9b::169.254.169.254", metadata},
      // A private server, and a private client, which stands there inverted.
      {"2001:0:a00:1::f7f7:f7f7", local},
      {"2001:0:808:808::f5ff:fffe", local},
      {"2001:0:808:808::f7f7:f7f7", global},
      {"2606:4700::5efe:10.0.0.1", local},
      {"2606:4700::200:5efe:127.0.0.1", loopback},
      {"2606:4700::5efe:8.8.8.8", global},
      {"fe80::5efe:8.8.8.8", link_local},
      {"64:ff9b:1::8.8.8.8", local},
      {"64:ff9b:1::127.0.0.1", loopback},
      // 169.254.169.254 behind a /48 of the local translation block.
      {"64:ff9b:1:a9fe:a9:fe00::", metadata},
  };
  expect(kLines);
}

TEST(AddressClass, ReadsEveryLengthOfATranslationPrefix) {
  // The examples of RFC 6052, section 2.4: 192.0.2.33 behind prefixes of each length.
  constexpr std::pair<std::string_view, std::string_view> kExamples[] = {
      {"2001:db8::/32", "2001:db8:c000:221::"},
      {"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
      {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
      {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
      {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
      {"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
  };
  for (auto [prefix, address] : kExamples) {
    core::AddressRange nat64[] = {*core::parse_range(prefix)};
    std::vector<core::IpAddress> found = embedded(*core::parse_address(address), nat64);
    ASSERT_EQ(found.size(), 1u) << prefix;
    EXPECT_EQ(found[0].text(), "192.0.2.33") << prefix;
  }
}

TEST(AddressClass, TakesATranslatorsBlockForWhatLiesBehindIt) {
  core::AddressRange nat64[] = {*core::parse_range("fd12:3456::/96")};
  EXPECT_EQ(classify(*core::parse_address("fd12:3456::8.8.8.8"), nat64), AddressClass::global);
  EXPECT_EQ(classify(*core::parse_address("fd12:3456::10.0.0.1"), nat64), AddressClass::local);
  EXPECT_EQ(classify(*core::parse_address("fd12:3456::8.8.8.8")), AddressClass::local);
}

}  // namespace
}  // namespace hv::network
