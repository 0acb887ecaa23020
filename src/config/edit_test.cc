#include "config/edit.h"

#include <gtest/gtest.h>

namespace hv::config {
namespace {

std::string after(std::string_view text, std::string_view key, std::string_view value) {
  auto changed = set(text, "config.toml", **find_setting(key), value);
  return changed ? *changed : "error: " + changed.error().message();
}

TEST(Edit, MakesAWholeFileOfNone) {
  EXPECT_EQ(after("", "run.policy", "locked"), "version = 1\n\n[run]\npolicy = \"locked\"\n");
}

TEST(Edit, KeepsCommentsOrderAndSpelling) {
  EXPECT_EQ(
      after("# mine\nversion = 1 # first\n\n[run] # how\n  policy   =  'a' # why\nkeep = true\n", "run.policy", "b"),
      "# mine\nversion = 1 # first\n\n[run] # how\n  policy   =  \"b\" # why\nkeep = true\n");
}

TEST(Edit, AddsAKeyBehindTheOthersOfItsSection) {
  EXPECT_EQ(after("version = 1\n[run]\nkeep = true # so\n\n# the end\n", "run.policy", "b"),
            "version = 1\n[run]\nkeep = true # so\npolicy = \"b\"\n\n# the end\n");
  EXPECT_EQ(after("version = 1\n[run]", "run.keep", "true"), "version = 1\n[run]\nkeep = true\n");
}

TEST(Edit, FollowsEveryWayInWhichASectionIsWritten) {
  EXPECT_EQ(after("version = 1\nrun.keep = true\n", "run.policy", "b"),
            "version = 1\nrun.keep = true\nrun.policy = \"b\"\n");
  EXPECT_EQ(after("version = 1\nrun = { keep = true }\n", "run.policy", "b"),
            "version = 1\nrun = { keep = true, policy = \"b\" }\n");
  EXPECT_EQ(after("version = 1\nrun = {}\n", "run.policy", "b"), "version = 1\nrun = { policy = \"b\" }\n");
  EXPECT_EQ(after("version = 1\n['run']\npolicy = '''a'''\n", "run.policy", "b"),
            "version = 1\n['run']\npolicy = \"b\"\n");
}

TEST(Edit, CountsCharactersNotBytes) {
  EXPECT_EQ(after("version = 1\nrun = { policy = 'äöü€', keep = true } # ß\n", "run.keep", "false"),
            "version = 1\nrun = { policy = 'äöü€', keep = false } # ß\n");
}

TEST(Edit, KeepsLineEndsAndByteOrderMark) {
  EXPECT_EQ(after("\xef\xbb\xbfversion = 1\r\n[run]\r\nkeep = true\r\n", "run.policy", "b"),
            "\xef\xbb\xbfversion = 1\r\n[run]\r\nkeep = true\r\npolicy = \"b\"\r\n");
}

TEST(Edit, WritesWhatTomlReadsBack) {
  EXPECT_EQ(after("version = 1\n", "run.policy", "a\"b\\c"), "version = 1\n\n[run]\npolicy = \"a\\\"b\\\\c\"\n");
}

TEST(Edit, PutsRightAWrongValue) {
  EXPECT_EQ(after("version = 1\n[run]\nkeep = 'maybe'\n", "run.keep", "true"), "version = 1\n[run]\nkeep = true\n");
}

TEST(Edit, RefusesAFileThatIsWrongElsewhere) {
  EXPECT_EQ(after("version = 1\n[run]\npolcy = 'x'\n", "run.keep", "true"),
            "error: config.toml:3:1: run.polcy: unknown key (did you mean 'policy'?)");
  EXPECT_EQ(after("version = 1\n[run\n", "run.keep", "true").substr(0, 20), "error: config.toml:2");
}

}  // namespace
}  // namespace hv::config
