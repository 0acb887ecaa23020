#include "core/glob_index.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/format.h"

namespace hv::core {
namespace {

std::vector<Glob> placed(const std::vector<std::string>& texts) {
  std::vector<Glob> globs;
  for (const std::string& text : texts) globs.push_back(Glob::parse(text)->placed("/home/me", "/srv/app"));
  return globs;
}

std::string first(const std::vector<std::string>& texts, const std::string& path) {
  std::optional<size_t> found = GlobIndex(placed(texts)).first_covering(names_of_path(path));
  return found ? texts[*found] : "none";
}

TEST(GlobIndex, NamesTheFirstThatCovers) {
  EXPECT_EQ(first({"*.key", "*.pem", "/srv/**"}, "/srv/a.pem"), "*.pem");
  EXPECT_EQ(first({"/srv/**", "*.pem"}, "/srv/a.pem"), "/srv/**");
  EXPECT_EQ(first({"*.key", "*.pem"}, "/srv/a.txt"), "none");
  EXPECT_EQ(first({"?", "a", "*"}, "/x/bc"), "?") << "texts of fewer than three characters are tried always";
  EXPECT_EQ(first({"b?"}, "/bä/c"), "b?");
  EXPECT_EQ(first({}, "/a"), "none");
}

TEST(GlobIndex, LooksOnlyAtThoseBeforeTheEnd) {
  GlobIndex index(placed({"*.key", "*.pem"}));
  EXPECT_FALSE(index.first_covering(names_of_path("/a.pem"), 1));
  EXPECT_TRUE(index.first_covering(names_of_path("/a.pem"), 2));
}

TEST(GlobIndex, MatchesThePathItselfAlone) {
  GlobIndex index(placed({"secrets/**", "*.pem"}));
  EXPECT_TRUE(index.any_matches(names_of_path("/srv/app/a.pem")));
  EXPECT_FALSE(index.any_matches(names_of_path("/srv/app/a.pem/below")));
}

// Texts and paths of few different characters meet often.
TEST(GlobIndex, AnswersAsAskingEachInTurnDoes) {
  std::mt19937 random(1);
  auto below = [&](size_t most) { return std::uniform_int_distribution<size_t>(0, most - 1)(random); };
  auto name = [&](std::string_view alphabet) {
    std::string text;
    for (size_t i = 0; i <= below(5); ++i) text += alphabet[below(alphabet.size())];
    return text;
  };
  auto path = [&](std::string_view alphabet, size_t depth, const char* any) {
    std::string text;
    for (size_t i = 0; i <= below(depth); ++i)
      text += "/" + (below(5) == 0 && *any != 0 ? std::string(any) : name(alphabet));
    return text;
  };
  int covered = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<Glob> globs;
    while (globs.size() < 30) {
      std::string text = path("ab*?", 4, "**");
      if (below(3) == 0) text.erase(0, 1);
      if (base::Result<Glob> glob = Glob::parse(text)) globs.push_back(glob->placed("/a", "/b"));
    }
    GlobIndex index(globs);
    for (int question = 0; question < 30; ++question) {
      std::string asked = path("abc", 6, "");
      std::vector<std::string_view> names = names_of_path(asked);
      std::optional<size_t> expected;
      bool matches = false;
      for (size_t i = globs.size(); i-- > 0;) {
        if (globs[i].covers(names)) expected = i;
        matches = matches || globs[i].matches(names);
      }
      ASSERT_EQ(index.first_covering(names), expected) << asked;
      ASSERT_EQ(index.any_matches(names), matches) << asked;
      covered += expected ? 1 : 0;
    }
  }
  EXPECT_GT(covered, 1000);
  EXPECT_LT(covered, 8900);
}

}  // namespace
}  // namespace hv::core
