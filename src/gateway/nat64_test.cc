#include "gateway/nat64.h"

#include <gtest/gtest.h>

#include "network/address_class.h"

namespace hv::gateway {
namespace {

core::IpAddress ip(const char* text) {
  return *core::parse_address(text);
}

TEST(Nat64, FindsThePrefixOfEachLength) {
  struct Case {
    const char* answer;
    const char* prefix;
  };
  for (const Case& item :
       {Case{"2a0b:5:6:7::c000:aa", "2a0b:5:6:7::/96"}, Case{"2a0b:1:c000:aa::", "2a0b:1::/32"},
        Case{"2a0b:1:2:c000:0:aa00::", "2a0b:1:2::/48"}, Case{"2a0b:1:2:3:c0:0:ab00:0", "2a0b:1:2:3::/64"}}) {
    std::vector<core::IpAddress> answers{ip("192.0.0.170"), ip(item.answer)};
    auto prefixes = translation_prefixes(answers);
    ASSERT_EQ(prefixes.size(), 1u) << item.answer;
    EXPECT_EQ(prefixes[0].text(), item.prefix);
  }
}

TEST(Nat64, FindsNoneWhereNothingIsTranslated) {
  std::vector<core::IpAddress> answers{ip("192.0.0.170"), ip("192.0.0.171"), ip("2a0b:6::1")};
  EXPECT_TRUE(translation_prefixes(answers).empty());
}

TEST(Nat64, APrivateAddressBehindAFoundPrefixIsPrivate) {
  std::vector<core::IpAddress> answers{ip("2a0b:5:6:7::c000:aa")};
  core::IpAddress hidden = ip("2a0b:5:6:7::a00:1");
  EXPECT_EQ(network::classify(hidden, translation_prefixes(answers)), network::AddressClass::local);
  EXPECT_EQ(network::classify(hidden), network::AddressClass::global) << "the control";
}

}  // namespace
}  // namespace hv::gateway
