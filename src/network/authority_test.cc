#include "network/authority.h"

#include <gtest/gtest.h>

namespace hv::network {
namespace {

TEST(Authority, GivesEachHostOneSpelling) {
  struct Row {
    std::string_view text;
    Authority expected;
    std::string_view again;
  };
  const Row rows[] = {
      {"example.org", {"example.org", false, {}}, "example.org"},
      {"EXAMPLE.Org.:8080", {"example.org", false, 8080}, "example.org:8080"},
      {"_srv.a-b.example", {"_srv.a-b.example", false, {}}, "_srv.a-b.example"},
      {"xn--bcher-kva.example:443", {"xn--bcher-kva.example", false, 443}, "xn--bcher-kva.example:443"},
      {"localhost:65535", {"localhost", false, 65535}, "localhost:65535"},
      {"192.0.2.1:80", {"192.0.2.1", true, 80}, "192.0.2.1:80"},
      {"192.0.2.1.", {"192.0.2.1", true, {}}, "192.0.2.1"},
      {"[2001:DB8:0:0::1]:443", {"2001:db8::1", true, 443}, "[2001:db8::1]:443"},
      {"[::ffff:10.0.0.1]", {"::ffff:10.0.0.1", true, {}}, "[::ffff:10.0.0.1]"},
      {"3com.example", {"3com.example", false, {}}, "3com.example"},
      {"1.2.3.4a", {"1.2.3.4a", false, {}}, "1.2.3.4a"},
  };
  for (const Row& row : rows) {
    auto parsed = parse_authority(row.text);
    ASSERT_TRUE(parsed) << row.text << ": " << parsed.error().message();
    EXPECT_EQ(*parsed, row.expected) << row.text;
    EXPECT_EQ(parsed->text(), row.again);
    EXPECT_EQ(*parse_authority(parsed->text()), row.expected);
  }
}

TEST(Authority, RefusesWhatReadersTakeForDifferentHosts) {
  using namespace std::string_view_literals;
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", "empty"},
      {".", "empty"},
      {":80", "empty"},
      {"a..b", "an empty label"},
      {"a.example..", "an empty label"},
      {"user@example.org", "user information"},
      {"example.org:80@evil.example", "user information"},
      {"example.org:", "a port that is no number"},
      {"example.org:+80", "a port that is no number"},
      {"example.org:80:80", "a port that is no number"},
      {"example.org:0", "a port that does not exist"},
      {"example.org:65536", "a port that does not exist"},
      {"example.org:000080", "a port that is no number"},
      {"exa mple.org", "a character that no host name has"},
      {"example.org/x", "a character that no host name has"},
      {"example.org\0.evil"sv, "a character that no host name has"},
      {"b\xc3\xbc"
       "cher.example",
       "a character that no host name has"},
      {"%65xample.org", "a character that no host name has"},
      {"-a.example", "begins or ends with '-'"},
      {"a-.example", "begins or ends with '-'"},
      {"2130706433", "an unusual form"},
      {"0x7f.1", "an unusual form"},
      {"127.1", "an unusual form"},
      {"0177.0.0.1", "an unusual form"},
      {"0X7F000001", "an unusual form"},
      {"1.2.3.256", "an unusual form"},
      {"example.0x", "an unusual form"},
      {"::1", "empty"},
      {"[::1", "'[' without ']'"},
      {"[::1]x", "'[' without ']'"},
      {"[fe80::1%eth0]", "not an IPv6 address"},
      {"[::1\0]"sv, "not an IPv6 address"},
      {"[127.0.0.1]", "not an IPv6 address"},
      {"[]", "not an IPv6 address"},
  };
  for (const auto& [text, reason] : rows) {
    auto parsed = parse_authority(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message().find(reason), std::string::npos) << text << ": " << parsed.error().message();
  }
}

TEST(Authority, HoldsNamesToTheirLongest) {
  std::string label(63, 'a');
  std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  EXPECT_TRUE(parse_authority(longest));
  EXPECT_TRUE(parse_authority(longest + "."));
  EXPECT_FALSE(parse_authority(longest + "a"));
  EXPECT_FALSE(parse_authority(label + "a.example"));
}

TEST(Authority, TakesNoAddressForAServerName) {
  EXPECT_EQ(*parse_server_name("API.Example.org."), "api.example.org");
  EXPECT_FALSE(parse_server_name("192.0.2.1"));
  EXPECT_FALSE(parse_server_name("[::1]"));
  EXPECT_FALSE(parse_server_name("example.org:443"));
}

}  // namespace
}  // namespace hv::network
