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

// `git config --global core.hooksPath` and what else the user has said for all of his repositories.
class UserGitReach : public GitReach {
 protected:
  void SetUp() override {
    GitReach::SetUp();
    home_ = root_ + "/outside";
  }
  void configure(const std::string& name, const std::string& text) {
    ASSERT_TRUE(base::make_directories((home_ + "/" + name).substr(0, (home_ + "/" + name).rfind('/'))));
    ASSERT_TRUE(base::replace_file(home_ + "/" + name, text));
  }
};

TEST_F(UserGitReach, HoldsTheHooksOfEveryRepository) {
  configure(".gitconfig", "[core]\n\thooksPath = tools/hooks\n");
  host(std::string(first_) + "mkdir -p tools/hooks");
  INSIDE_OR_SKIP("for f in tools/hooks/pre-commit tools/other; do echo x > $f; done");
  EXPECT_EQ(changes(), "!added tools/hooks/pre-commit\nadded tools/other\n");
  configure(".gitconfig", "[user]\n\tname = somebody\n");
  EXPECT_EQ(changes(), "added tools/hooks/pre-commit\nadded tools/other\n") << "the control";
}

TEST_F(UserGitReach, KnowsWhatATildeStandsFor) {
  // The workspace lies below this home.
  home_ = root_;
  configure(".gitconfig",
            "[core]\n\thooksPath = ~/ws/hooks\n\tfsmonitor = ~/ws/bin/watch --all\n[include]\n\tpath = ~/ws/more\n");
  host(std::string(first_) + "mkdir hooks bin; echo > more");
  INSIDE_OR_SKIP(
      "for f in hooks/post-checkout bin/watch bin/other; do echo x > $f; done; git config -f more core.pager "
      "~x/bin/other; echo >> more");
  EXPECT_EQ(changes(), "added bin/other\n!added bin/watch\n!added hooks/post-checkout\n!modified more\n");
}

TEST_F(UserGitReach, FollowsIncludesAndTheMachinesFileAlsoWithoutARepository) {
  configure(".config/git/config", "[includeIf \"gitdir:/nowhere/\"]\n\tpath = more/work.cfg\n");
  configure(".config/git/more/work.cfg",
            "[core]\n\thooksPath = " + root_ + "/ws/hooks\n[include]\n\tpath = work.cfg\n");
  configure("gitconfig", "[core]\n\tattributesFile = " + root_ + "/ws/attributes\n");
  host("mkdir hooks");
  INSIDE_OR_SKIP("for f in hooks/pre-push attributes other; do echo x > $f; done");
  EXPECT_EQ(changes(), "!added attributes\n!added hooks/pre-push\nadded other\n");
}

TEST_F(UserGitReach, HoldsTheConfigurationThatIsALinkIntoTheWorkspace) {
  ASSERT_TRUE(base::make_directories(home_));
  ASSERT_EQ(::symlink((root_ + "/ws/dotfiles/gitconfig").c_str(), (home_ + "/.gitconfig").c_str()), 0);
  host("mkdir dotfiles; echo > dotfiles/gitconfig");
  INSIDE_OR_SKIP("for f in gitconfig vimrc; do echo x >> dotfiles/$f; done");
  EXPECT_EQ(changes(), "!modified dotfiles/gitconfig\nadded dotfiles/vimrc\n");
}

TEST_F(GitReach, EndsWhereConfigurationsIncludeEachOtherManyTimes) {
  host(std::string(first_) + "true");
  INSIDE_OR_SKIP(
      "for i in $(seq 40); do for f in x y; do printf '[include]\\n\\tpath = x\\n\\tpath = y\\n' >> .git/$f; done; "
      "done; "
      "printf '[include]\\n\\tpath = x\\n[core]\\n\\tfsmonitor = ./run\\n' >> .git/config; echo x > run");
  EXPECT_NE(changes().find("!added run"), std::string::npos);
}

TEST_F(GitReach, LooksAtAChangedConfigurationToo) {
  host(std::string(first_) + "true");
  INSIDE_OR_SKIP("git config core.hooksPath h; mkdir h; echo x > h/pre-commit; echo x > i");
  EXPECT_EQ(changes(), "!modified .git/config\n!added h\n!added h/pre-commit\nadded i\n");
}

}  // namespace
}  // namespace hv::workspace
