#include "config/config.h"

#include <gtest/gtest.h>

namespace hv::config {
namespace {

TEST(Config, IsTheDefaultsWithoutAFile) {
  EXPECT_EQ(*load("/nonexistent/config.toml"), Config{});
}

TEST(Config, ReadsEveryKey) {
  Config config = *parse("version = 1\n[run]\npolicy = 'standard'\nworkspace = 'live'\nkeep = true\n", "config.toml");
  EXPECT_EQ(config.default_policy, "standard");
  EXPECT_EQ(config.workspace, core::WorkspaceMode::live);
  EXPECT_TRUE(config.keep);
}

TEST(Config, NamesAnUnknownKeyWithPlaceAndNearest) {
  base::Result<Config> config = parse("version = 1\n[run]\npolcy = 'standard'\nkeep = 'soon'\n", "config.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message(),
            "config.toml:3:1: run.polcy: unknown key (did you mean 'policy'?)\n"
            "config.toml:4:8: run.keep: expected true or false, found the string \"soon\"");
}

TEST(Config, NeedsItsVersion) {
  EXPECT_FALSE(parse("[run]\n", "c"));
}

}  // namespace
}  // namespace hv::config
