#include "core/glob.h"

#include <gtest/gtest.h>

namespace hv::core {
namespace {

bool covers(std::string_view pattern, std::string_view path) {
  return Glob::parse(pattern)->placed("/home/me", "/srv/app").covers(path);
}

TEST(Glob, HasOneMeaning) {
  struct Case {
    std::string_view pattern, path;
    bool covered;
  };
  constexpr Case cases[] = {
      {"/srv/a", "/srv/a", true},
      {"/srv/a", "/srv/a/b/c", true},
      {"/srv/a", "/srv/ab", false},
      {"/srv/a", "/srv", false},
      {"/srv/*", "/srv/a", true},
      {"/srv/*", "/srv", false},
      {"/srv/*.bin", "/srv/x/y.bin", false},
      {"/srv/*.bin", "/srv/.bin", true},
      {"/srv/?", "/srv/ab", false},
      {"/srv/?", "/srv/\xc3\xbc", true},
      {"/srv/??", "/srv/\xc3\xbc\xbc", true},
      {"/srv/?", "/srv/\xc3\xbc\xbc", false},
      {"/srv/\xc3\xbc?", "/srv/\xc3\xbc\xbc", true},
      {"/srv/*?x", "/srv/\xc3\xbcx", true},
      {"/srv/?", "/srv/\xc3", true},
      {"/srv/**/x", "/srv/x", true},
      {"/srv/**/x", "/srv/a/b/x", true},
      {"/srv/**/x", "/srv/a/b/xx", false},
      {"/srv/**", "/srv/a", true},
      {"/srv/**/a/**/b", "/srv/a/a/c/b", true},
      {"/srv/**/a/**/b", "/srv/b/a", false},
      {".env", "/srv/app/.env", true},
      {".env", "/srv/app/deep/.env/x", true},
      {".env", "/srv/app/.envrc", false},
      {"*.pem", "/anywhere/key.pem", true},
      {"*.pem", "/anywhere/key.PEM", false},
      {"secrets/prod", "/srv/app/secrets/prod/key", true},
      {"secrets/prod", "/other/secrets/prod", false},
      {"~/.aws", "/home/me/.aws/credentials", true},
      {"~/.aws", "/home/you/.aws", false},
      {"a*b*c/x", "/srv/app/aXbYc/x", true},
      {"*a*", "/bbb", false},
  };
  for (const Case& one : cases)
    EXPECT_EQ(covers(one.pattern, one.path), one.covered) << one.pattern << " and " << one.path;
}

TEST(Glob, RefusesWhatCouldBeReadInTwoWays) {
  for (std::string_view text :
       {"", "/", "**", "/**", "*/../x", "a//b", "a/", "./a", "~me/x", "[ab]", "{a,b}", "a\\*", "!a", "a**", "/a/**b"})
    EXPECT_FALSE(Glob::parse(text)) << text;
  std::string deep;
  for (int i = 0; i < 33; ++i) deep += "/a";
  EXPECT_FALSE(Glob::parse(deep));
  EXPECT_TRUE(Glob::parse(deep.substr(2)));
}

TEST(Glob, TakesTheHomeAndTheWorkspaceAsTheyAreSpelled) {
  Glob glob = Glob::parse("x")->placed("/h", "/w");
  EXPECT_TRUE(glob.covers("/anything/x"));
  EXPECT_TRUE(Glob::parse("a/x")->placed("/h", "/w/[1]*").covers("/w/[1]*/a/x"));
  EXPECT_FALSE(Glob::parse("a/x")->placed("/h", "/w/[1]*").covers("/w/[1]b/a/x"));
}

TEST(Glob, IsQuickOnHostilePatterns) {
  std::string pattern = "/**", path;
  for (int i = 0; i < 15; ++i) pattern += "/a*a*a*/**";
  pattern += "/b";
  for (int i = 0; i < 1000; ++i) path += "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  EXPECT_FALSE(covers(pattern, path));
}

TEST(Glob, KnowsWhatItIncludes) {
  auto includes = [](std::string_view a, std::string_view b) {
    return Glob::parse(a)->placed("/h", "/w").includes(Glob::parse(b)->placed("/h", "/w"));
  };
  EXPECT_TRUE(includes("/usr/bin", "/usr/bin/curl"));
  EXPECT_TRUE(includes("/usr/bin/*", "/usr/bin/c*"));
  EXPECT_TRUE(includes("*.pem", "secrets/*.pem"));
  EXPECT_TRUE(includes("*.pem", "secrets/**/*.pem"));
  EXPECT_TRUE(includes("curl", "/usr/bin/curl"));
  EXPECT_FALSE(includes("/usr/bin/curl", "curl"));
  EXPECT_FALSE(includes("/usr/bin/c*", "/usr/bin/*"));
  EXPECT_FALSE(includes("/usr/*", "/usr/**/x"));
  EXPECT_FALSE(includes("/usr/bin/a?", "/usr/bin/a*"));
}

TEST(Glob, SaysWhereASearchBeginsAndEnds) {
  EXPECT_EQ(Glob::parse("/srv/models/*.bin")->fixed_directory(), "/srv/models");
  EXPECT_EQ(Glob::parse("/srv/x")->fixed_directory(), "/srv/x");
  EXPECT_EQ(Glob::parse("x")->placed("/h", "/w").fixed_directory(), "/");
  Glob glob = *Glob::parse("/srv/a*/b");
  EXPECT_TRUE(glob.could_match_below(names_of_path("/srv")));
  EXPECT_TRUE(glob.could_match_below(names_of_path("/srv/aa")));
  EXPECT_FALSE(glob.could_match_below(names_of_path("/srv/b")));
  EXPECT_FALSE(glob.could_match_below(names_of_path("/srv/aa/b")));
}

}  // namespace
}  // namespace hv::core
