#include "workspace/git_reach.h"

#include <gtest/gtest.h>

#include "workspace/git_command.h"
#include "workspace/overlay_test.h"

namespace hv::workspace {
namespace {

// changes() marks with "!" what apply would hold.
class GitReach : public ::testing::Test, protected OverlayWorld {
 protected:
  void SetUp() override {
    if (!have_git()) GTEST_SKIP() << "git is not installed";
  }
  static constexpr const char* first_ = "git init -q -b main; rm -r .git/hooks; mkdir .git/hooks; echo 1 > a; ";
};

TEST_F(GitReach, HoldsADirectoryThatLooksLikeARepository) {
  host(std::string(first_) + "mkdir half; echo x > half/HEAD; mkdir half/objects");
  INSIDE_OR_SKIP(
      "mkdir trap; cd trap; git init -q --bare; rm -r hooks info description branches; git config core.fsmonitor "
      "./run; echo x > notes; cd ..; mkdir -p half/refs; echo x > half/config; mkdir plain; echo x > plain/HEAD; echo "
      "x "
      "> plain/config; mkdir plain/refs");
  EXPECT_EQ(changes(),
            "!added half/config\n!added half/refs\nadded plain\nadded plain/HEAD\nadded plain/config\nadded "
            "plain/refs\nadded trap\n!added trap/HEAD\n!added trap/config\nadded trap/notes\n!added "
            "trap/objects\n!added trap/objects/info\n!added trap/objects/pack\n!added trap/refs\n!added "
            "trap/refs/heads\n!added trap/refs/tags\n");
}

TEST_F(GitReach, WhatIsHeldMakesNoRepositoryOfTheRest) {
  host(std::string(first_) + "true");
  std::string trap = "touch " + root_ + "/outside/ran";
  INSIDE_OR_SKIP("mkdir trap; cd trap; git init -q --bare; git config core.fsmonitor '" + trap +
                 "'; git config core.bare false; git config core.worktree .; echo x > notes");
  core::ApplyReport report = apply_all();
  EXPECT_FALSE(report.held.empty());
  shell("cd trap; git status > /dev/null 2>&1 || true");
  EXPECT_EQ(shell("ls", "/outside"), "");
  apply_all({.paths = {}, .accept = {"trap"}, .hunks = {}});
  shell("cd trap; git status > /dev/null 2>&1 || true");
  EXPECT_EQ(shell("ls", "/outside"), "ran\n") << "the control: accepted, it gets through";
}

TEST_F(GitReach, HoldsHooksWhereverTheConfigurationPutsThem) {
  host(std::string(first_) +
       "git config core.hooksPath tools/hooks; mkdir -p tools/hooks; git config include.path ../shared.cfg; printf "
       "'[filter \"f\"]\\n\\tclean = sh bin/clean.sh %%f\\n[core]\\n\\tfsmonitor = " +
       root_ + "/ws/watch\\n' > shared.cfg; mkdir bin");
  INSIDE_OR_SKIP(
      "for f in tools/hooks/pre-commit bin/clean.sh bin/other.sh watch; do echo x > $f; done; echo >> shared.cfg");
  EXPECT_EQ(
      changes(),
      "!added bin/clean.sh\nadded bin/other.sh\n!modified shared.cfg\n!added tools/hooks/pre-commit\n!added watch\n");
}

TEST_F(GitReach, HoldsWhatHooksAreLinksTo) {
  host(std::string(first_) +
       "ln -s ../../scripts/pre-commit .git/hooks/pre-commit; mkdir scripts other; echo x > scripts/pre-commit; mkdir "
       "-p "
       ".git/modules/lib/deep/hooks .git/worktrees/w; echo 'ref: x' > .git/modules/lib/deep/HEAD; ln -s "
       "../../../../../other/h "
       ".git/modules/lib/deep/hooks/post-checkout; git init -q nested; rm -r nested/.git/hooks; ln -s ../hk "
       "nested/.git/hooks");
  INSIDE_OR_SKIP(
      "for f in scripts/pre-commit scripts/b other/h other/i; do echo new > $f; done; mkdir nested/hk; echo x > "
      "nested/hk/h");
  EXPECT_EQ(changes(),
            "!added nested/hk\n!added nested/hk/h\n!added other/h\nadded other/i\nadded scripts/b\n!modified "
            "scripts/pre-commit\n");
}

TEST_F(GitReach, HoldsALinkPutInTheWayOfAHook) {
  host(std::string(first_) +
       "git config core.hooksPath tools/hooks; mkdir -p tools/hooks; echo x > tools/hooks/pre-push");
  INSIDE_OR_SKIP("mv tools t; ln -s evil tools; mkdir -p evil/hooks; echo x > evil/hooks/pre-push");
  EXPECT_EQ(changes().find("\ntype_changed tools"), std::string::npos);
  EXPECT_NE(changes().find("!type_changed tools\n"), std::string::npos);
  EXPECT_NE(changes().find("!added evil/hooks/pre-push"), std::string::npos);
}

TEST_F(GitReach, LooksAtAChangedConfigurationToo) {
  host(std::string(first_) + "true");
  INSIDE_OR_SKIP("git config core.hooksPath h; mkdir h; echo x > h/pre-commit; echo x > i");
  EXPECT_EQ(changes(), "!modified .git/config\n!added h\n!added h/pre-commit\nadded i\n");
}

}  // namespace
}  // namespace hv::workspace
