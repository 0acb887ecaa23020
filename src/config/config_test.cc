#include "config/config.h"

#include <gtest/gtest.h>

namespace hv::config {
namespace {

TEST(Config, SaysWhatARunGetsThatSaysNothing) {
  Config config = *parse("version = 1\n[run]\nworkspace = 'ro'\nkeep = true\n", "config.toml");
  EXPECT_EQ(config.workspace, core::WorkspaceMode::ro);
  EXPECT_TRUE(config.keep);
  EXPECT_EQ(parse("version = 1\n", "config.toml")->workspace, std::nullopt);
  base::Result<Config> wrong = parse("version = 1\n[run]\nworkspace = 'rw'\nkeep = 'yes'\n", "config.toml");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("config.toml:3:13: run.workspace: expected one of cow, live, ro, none"),
            std::string::npos)
      << wrong.error().message();
  EXPECT_NE(wrong.error().message().find("config.toml:4:8: run.keep"), std::string::npos);
}

TEST(Config, IsTheDefaultsWithoutAFile) {
  EXPECT_EQ(*load("/nonexistent/config.toml"), Config{});
}

TEST(Config, ReadsEveryKey) {
  Config config = *parse("version = 1\n[run]\npolicy = 'standard'\n", "config.toml");
  EXPECT_EQ(config.default_policy, "standard");
}

TEST(Config, NamesAnUnknownKeyWithPlaceAndNearest) {
  base::Result<Config> config = parse("version = 1\n[run]\npolcy = 'standard'\npolicy = 5\n", "config.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message(),
            "config.toml:3:1: run.polcy: unknown key (did you mean 'policy'?)\n"
            "config.toml:4:10: run.policy: expected a string, found the integer 5");
}

TEST(Config, NeedsItsVersion) {
  EXPECT_FALSE(parse("[run]\n", "c"));
}

}  // namespace
}  // namespace hv::config
