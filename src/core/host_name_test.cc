#include "core/host_name.h"

#include <gtest/gtest.h>

#include "core/punycode.h"

namespace hv::core {
namespace {

struct Spelling {
  std::string_view written;
  std::string_view meant;
};

TEST(HostName, HasOneFormForEverySpelling) {
  constexpr Spelling kSpellings[] = {
      {"example.org", "example.org"},
      {"EXAMPLE.Org", "example.org"},
      {"example.org.", "example.org"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      {"my_service", "my_service"},
      {"1.example", "1.example"},
      {"0x7f.example", "0x7f.example"},
      {"a-b--c.d", "a-b--c.d"},
      {"127.0.0.1", "127.0.0.1"},
      {"127.0.0.1.", "127.0.0.1"},
      {"127.1", "127.0.0.1"},
      {"127.0.1", "127.0.0.1"},
      {"2130706433", "127.0.0.1"},
      {"017700000001", "127.0.0.1"},
      {"0177.0.0.01", "127.0.0.1"},
      {"0x7f000001", "127.0.0.1"},
      {"0X7F.0x0.0.0x1", "127.0.0.1"},
      {"0x7f.1", "127.0.0.1"},
      {"0", "0.0.0.0"},
      {"0x", "0.0.0.0"},
      {"4294967295", "255.255.255.255"},
      {"1.2.65535", "1.2.255.255"},
      {"[::1]", "::1"},
      {"::1", "::1"},
      {"[2001:DB8::0:1]", "2001:db8::1"},
      {"::ffff:10.0.0.1", "10.0.0.1"},
      {"[::ffff:a00:1]", "10.0.0.1"},
      {"::FFFF:0:0", "0.0.0.0"},
      {"::10.0.0.1", "::10.0.0.1"},
  };
  for (auto [written, meant] : kSpellings) {
    base::Result<Host> host = parse_host(written);
    ASSERT_TRUE(host) << written << ": " << host.error().message();
    EXPECT_EQ(host->text(), meant) << written;
    EXPECT_NE(host->address.has_value(), !host->name.empty()) << written;
  }
}

TEST(HostName, RefusesWhatIsNeitherNameNorAddress) {
  for (std::string_view text : {std::string_view(""),
                                std::string_view("."),
                                std::string_view(".."),
                                std::string_view("a..b"),
                                std::string_view(".a"),
                                std::string_view("-a.b"),
                                std::string_view("a-.b"),
                                std::string_view("a b"),
                                std::string_view("a/b"),
                                std::string_view("a@b"),
                                std::string_view("a%2eb"),
                                std::string_view("a\0b", 3),
                                std::string_view("a\nb"),
                                std::string_view("1.2.3.4.5"),
                                std::string_view("256.1.1.1"),
                                std::string_view("1.2.3.256"),
                                std::string_view("4294967296"),
                                std::string_view("99999999999999999999"),
                                std::string_view("09"),
                                std::string_view("1.2.3.08"),
                                std::string_view("1..2"),
                                std::string_view("foo.1"),
                                std::string_view("foo.0x1f"),
                                std::string_view("0xg.1"),
                                std::string_view("[::1"),
                                std::string_view("[]"),
                                std::string_view("[1.2.3.4]"),
                                std::string_view("[example.org]"),
                                std::string_view("::1]"),
                                std::string_view("fe80::1%eth0"),
                                std::string_view("[fe80::1%25eth0]"),
                                std::string_view("1::2::3"),
                                std::string_view("*.a"),
                                std::string_view("\xff")})
    EXPECT_FALSE(parse_host(text)) << text;
}

TEST(HostName, HoldsDnsLimits) {
  std::string label(63, 'a');
  EXPECT_TRUE(parse_host(label + ".org"));
  EXPECT_FALSE(parse_host(label + "a.org"));
  std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  ASSERT_EQ(longest.size(), kLongestName);
  EXPECT_TRUE(parse_host(longest));
  EXPECT_TRUE(parse_host(longest + "."));
  EXPECT_FALSE(parse_host(longest + "b"));
  EXPECT_FALSE(parse_host(std::string(1'000'000, 'a')));
}

TEST(HostName, NamesTheDnsFormOfLettersBeyondAscii) {
  EXPECT_EQ(parse_host("b\u00fccher.example").error().message(),
            "'b\u00fccher.example' has letters beyond ASCII; write it as xn--bcher-kva.example");
  // Capitals and combining marks need Unicode's tables; a wrong hint would be worse than none.
  EXPECT_EQ(parse_host("B\u00dcCHER.example").error().message(),
            "'B\u00dcCHER.example' has letters beyond ASCII; write it in its xn-- form");
  EXPECT_FALSE(parse_host("e\u0301.example").error().message().find("write it in its") == std::string::npos);
  // A full-width dot is a dot to browsers.
  EXPECT_FALSE(parse_host("example\uff0eorg"));
}

// The samples of RFC 3492, section 7.1, that need no mapping.
TEST(Punycode, WritesTheStandardsSamples) {
  EXPECT_EQ(plain_a_label("\u4ed6\u4eec\u4e3a\u4ec0\u4e48\u4e0d\u8bf4\u4e2d\u6587"), "xn--ihqwcrb4cv8a8dqg056pqjye");
  EXPECT_EQ(
      plain_a_label("\u043f\u043e\u0447\u0435\u043c\u0443\u0436\u0435\u043e\u043d\u0438\u043d\u0435\u0433\u043e\u0432"
                    "\u043e\u0440\u044f\u0442\u043f\u043e\u0440\u0443\u0441\u0441\u043a\u0438"),
      "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l");
  EXPECT_EQ(plain_a_label("b\u00fccher"), "xn--bcher-kva");
  EXPECT_EQ(plain_a_label("ascii"), std::nullopt);
  EXPECT_EQ(plain_a_label(""), std::nullopt);
}

TEST(HostName, ReadsHostAndPort) {
  EXPECT_EQ(*parse_host_port("Example.org:8080", 80), (HostPort{{"example.org", std::nullopt}, 8080}));
  EXPECT_EQ(parse_host_port("example.org", 443)->port, 443);
  EXPECT_EQ(parse_host_port("[::1]:22", 80)->host.text(), "::1");
  EXPECT_EQ(parse_host_port("[::1]:22", 80)->port, 22);
  EXPECT_EQ(parse_host_port("[::1]", 80)->port, 80);
  for (const char* text :
       {"", ":80", "a:", "a:0", "a:65536", "a:+1", "a:1x", "a:1:2", "::1:80", "::1", "[::1]80", "[::1]:", "a:000080"})
    EXPECT_FALSE(parse_host_port(text, 80)) << text;
}

}  // namespace
}  // namespace hv::core
