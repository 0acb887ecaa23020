#include "core/secret_pattern.h"

#include <regex>

#include <gtest/gtest.h>

#include "base/format.h"

namespace hv::core {
namespace {

std::string found(std::string_view pattern, std::string_view text) {
  auto parsed = SecretPattern::parse(pattern);
  if (!parsed) return "error: " + parsed.error().message();
  auto match = parsed->find(text);
  return match ? std::string(text.substr(match->begin, match->end - match->begin)) : "nothing";
}

TEST(SecretPattern, FindsWhatItNamesWhereverItStands) {
  EXPECT_EQ(found("acme-[0-9a-f]{8}", "key=acme-0123abcd;"), "acme-0123abcd");
  EXPECT_EQ(found("acme-[0-9a-f]{8}", "acme-acme-0123abcd"), "acme-0123abcd");
  EXPECT_EQ(found("acme-[0-9a-f]{8}", "acme-0123abc"), "nothing");
  EXPECT_EQ(found("acme-[0-9a-f]{8}", "acme-0123abcX"), "nothing");
  EXPECT_EQ(found("acme-[0-9a-f]{8}", ""), "nothing");
  EXPECT_EQ(found("a[.]b[+]cdefgh", "a.b+cdefgh"), "a.b+cdefgh");
  EXPECT_EQ(found("a\\.b\\+cdefgh", "a.b+cdefgh"), "a.b+cdefgh");
  EXPECT_EQ(found("abc[a-c-]{5}", "abca-b-c"), "abca-b-c");
}

// One that is longer than the pattern says is hidden whole: what remains of it would be a part of a secret.
TEST(SecretPattern, TakesAsMuchAsItCan) {
  EXPECT_EQ(found("acme[0-9a-f]{4,}", "acme0123456789 x"), "acme0123456789");
  EXPECT_EQ(found("[A-Z]{2,}key_[0-9]{3}", "xABCDEkey_1234"), "ABCDEkey_123");
  EXPECT_EQ(found("a{3,}bcdef", "aaaaaabcdef"), "aaaaaabcdef");
}

TEST(SecretPattern, BeginsWhereItIsTold) {
  auto pattern = SecretPattern::parse("a{3,}bcdef");
  ASSERT_TRUE(pattern);
  std::string_view text = "aaaabcdefaaabcdef";
  auto second = pattern->find(text, 2);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->begin, 9u);
  EXPECT_EQ(second->end, 17u);
  EXPECT_FALSE(pattern->find(text, 17));
}

TEST(SecretPattern, RefusesWhatIsNotOneOrWouldTakeTooMuch) {
  for (const char* text : {"",
                           "short",
                           "acme-..*......",
                           "[0-9a-f]{32}",
                           "[!-~]{40}",
                           "acme-[^a]{9}",
                           "acme-[0-9a-f",
                           "acme-(a|b)ccccc",
                           "acme-[]{9}",
                           "acme-[z-a]{9}",
                           "acme-[0-9]{0}",
                           "acme-[0-9]{9,12}",
                           "acme-[0-9]{129}",
                           "acme-[0-9]{",
                           "acme-0123\\",
                           "acme-0123\\d",
                           "acme 01234567",
                           "acme\"01234567",
                           "acme-\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
                           "{3}acmeacme",
                           "acme-[a-c-f]{9}"})
    EXPECT_TRUE(found(text, "").starts_with("error: ")) << text << ": " << found(text, "");
}

// Every pattern that is taken is a regular expression that means the same.
TEST(SecretPattern, MeansWhatTheRegularExpressionMeans) {
  uint32_t seed = 7;
  auto random = [&](uint32_t below) { return (seed = seed * 1664525 + 1013904223) / 7 % below; };
  for (const char* text : {"abcab[abc]{3}", "aab[ab]{4,}c", "a{2,}b{2,}cabc", "[ab]{2,}abc[c-]{3}"}) {
    auto pattern = SecretPattern::parse(text);
    ASSERT_TRUE(pattern) << text;
    std::regex same(text);
    int matches = 0;
    for (int i = 0; i < 4000; ++i) {
      std::string line;
      for (uint32_t n = 4 + random(24); n > 0; --n) line += "abcabcaabbcc-"[random(13)];
      auto match = pattern->find(line);
      EXPECT_EQ(match.has_value(), std::regex_search(line, same)) << text << " in " << line;
      if (!match) continue;
      ++matches;
      EXPECT_TRUE(std::regex_match(line.substr(match->begin, match->end - match->begin), same)) << line;
    }
    EXPECT_GT(matches, 2) << text;
  }
}

}  // namespace
}  // namespace hv::core
