#include "config/config.h"

#include <gtest/gtest.h>

namespace hv::config {
namespace {

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
