#include "core/egress_text.h"

#include <gtest/gtest.h>

namespace hv::core {
namespace {

TEST(EgressText, IsWrittenInItsOneForm) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {"*", "*"},
      {"*:22", "*:22"},
      {"Example.ORG.", "example.org"},
      {"example.org:443", "example.org:443"},
      {"example.org:443,80", "example.org:80,443"},
      {"example.org:80,81-90,443", "example.org:80-90,443"},
      {"example.org:1-65535", "example.org:*"},
      {"example.org:*", "example.org:*"},
      {"*.Example.org:8000-8999", "*.example.org:8000-8999"},
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"10.0.0.0/8:5432", "10.0.0.0/8:5432"},
      {"192.0.2.1:5432", "192.0.2.1:5432"},
      {"2001:db8::1", "2001:db8::1"},
      {"[2001:db8::1]:443", "[2001:db8::1]:443"},
      {"[2001:db8::/32]:443", "[2001:db8::/32]:443"},
      {"2001:db8::/32", "2001:db8::/32"},
      {"@git", "@git"},
  };
  for (auto [written, form] : kRules) {
    base::Result<EgressRule> rule = parse_rule(written);
    ASSERT_TRUE(rule) << written << ": " << rule.error().message();
    EXPECT_EQ(to_text(*rule), form);
    EXPECT_EQ(*parse_rule(form), *rule) << form;
  }
}

TEST(EgressText, SaysWhatItExpected) {
  constexpr std::pair<std::string_view, std::string_view> kFaults[] = {
      {"", "expected HOST or HOST:PORT; found nothing"},
      {"exa*mple.org", "'exa*mple.org': a '*' stands alone or for whole parts at the front, as in *.example.org"},
      {"**.example.org", "'**.example.org': a '*' stands alone or for whole parts at the front, as in *.example.org"},
      {"*.10.0.0.1", "'10.0.0.1' is an address; expected a host name"},
      {"example.org:", "'': expected ports from 1 to 65535, such as 443, 80,443 or 8000-8999, or *"},
      {"example.org:https", "'https': expected ports from 1 to 65535, such as 443, 80,443 or 8000-8999, or *"},
      {"example.org:90-80", "'90-80': the range of ports ends before it begins"},
      {"https://example.org",
       "'https://example.org': this is a URL; expected a host, such as example.org or example.org:443"},
      {"10.0.0.1/8", "'10.0.0.1/8' has bits beyond its prefix length; expected 10.0.0.0/8"},
      {"127.1", "'127.1': this is an unusual spelling of an address; write 127.0.0.1"},
      {"::ffff:10.0.0.1", "'::ffff:10.0.0.1': this is an unusual spelling of an address; write 10.0.0.1"},
      {"@gti:22", "'@gti': no such group; there are @apt, @cargo, @git, @go, @npm, @pip (did you mean '@git'?)"},
      {"@git:22", "'@git:22': a group brings its own ports; write it without"},
      {"@", "'@': no such group; there are @apt, @cargo, @git, @go, @npm, @pip"},
      {"@Git", "'@Git': no such group; there are @apt, @cargo, @git, @go, @npm, @pip (did you mean '@git'?)"},
  };
  for (auto [text, message] : kFaults) {
    base::Result<EgressRule> rule = parse_rule(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().message(), message);
  }
}

TEST(EgressText, SaysInWordsWhatNoOptionCanSay) {
  EgressRule rule = *parse_rule("example.org:80");
  rule.methods = {"GET", "HEAD"};
  rule.path = "/v1";
  rule.private_addresses = true;
  EXPECT_EQ(to_text(rule), "example.org:80 methods GET,HEAD path /v1 private");
}

}  // namespace
}  // namespace hv::core
