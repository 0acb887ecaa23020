#include "config/setting.h"

#include <gtest/gtest.h>

namespace hv::config {
namespace {

TEST(KeySpec, IsFoundByKeyAndOtherwiseTheNearestIsNamed) {
  EXPECT_EQ((*find_setting("run.policy"))->variable(), "HYDRAVISOR_RUN_POLICY");
  auto wrong = find_setting("run.polcy");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().hint(), "did you mean 'run.policy'?");
}

TEST(KeySpec, TakesWhatItsKindAllows) {
  const KeySpec& keep = **find_setting("run.keep");
  EXPECT_EQ(*check_value(keep, "true"), "true");
  EXPECT_FALSE(check_value(keep, "TRUE"));
  const KeySpec& policy = **find_setting("run.policy");
  for (const char* text : {"", "a\nb", "a\x1b[m", "\xff"}) EXPECT_FALSE(check_value(policy, text)) << text;
  const KeySpec& workspace = **find_setting("run.workspace");
  EXPECT_FALSE(check_value(workspace, "rw"));
  EXPECT_EQ(*check_value(workspace, "none"), "none");
}

}  // namespace
}  // namespace hv::config
