#include "access/pattern.h"

#include <gtest/gtest.h>

namespace hv::access {
namespace {

TEST(Pattern, MatchesWhatTheStarsLeaveOpen) {
  for (auto [pattern, name] : {std::pair{"*", ""},
                               {"*", "web"},
                               {"web-*", "web-"},
                               {"web-*", "web-1"},
                               {"*-1", "web-1"},
                               {"w*b*1", "web-b-1"},
                               {"a*a", "aa"},
                               {"**", "x"},
                               {"sandbox.*", "sandbox.read"}})
    EXPECT_TRUE(Pattern(pattern).matches(name)) << pattern << " " << name;
  for (auto [pattern, name] : {std::pair{"", "a"},
                               {"web", "web-1"},
                               {"web-*", "we"},
                               {"a*a", "a"},
                               {"*b", "bc"},
                               {"sandbox.*", "sandbox"},
                               {"Web", "web"}})
    EXPECT_FALSE(Pattern(pattern).matches(name)) << pattern << " " << name;
}

TEST(Pattern, IncludesWhatItCanShow) {
  for (auto [wide, narrow] : {std::pair{"*", "web-*"},
                              {"web-*", "web-*"},
                              {"web-*", "web-a*"},
                              {"web-*", "web-1"},
                              {"*", "*"},
                              {"*-1", "web-1"},
                              {"web-*", "web-a*b"}})
    EXPECT_TRUE(Pattern(wide).includes(Pattern(narrow))) << wide << " " << narrow;
  for (auto [wide, narrow] : {std::pair{"web-*", "*"},
                              {"web-*", "we*"},
                              {"web-1", "web-*"},
                              {"*-1", "*-11"},
                              {"a*b", "a*"},
                              {"web-*", "api-1"}})
    EXPECT_FALSE(Pattern(wide).includes(Pattern(narrow))) << wide << " " << narrow;
}

// What includes() says holds for every name: tried with all names of three letters.
TEST(Pattern, NeverClaimsToIncludeWhatItDoesNotMatch) {
  std::vector<std::string> texts{""};
  for (size_t i = 0; i < texts.size() && texts[i].size() < 4; ++i)
    for (char c : {'a', 'b', '*'}) texts.push_back(texts[i] + c);
  for (const std::string& wide : texts)
    for (const std::string& narrow : texts) {
      if (!Pattern(wide).includes(Pattern(narrow))) continue;
      for (const std::string& name : texts)
        if (name.find('*') == std::string::npos && Pattern(narrow).matches(name)) {
          ASSERT_TRUE(Pattern(wide).matches(name)) << wide << " " << narrow << " " << name;
        }
    }
}

}  // namespace
}  // namespace hv::access
