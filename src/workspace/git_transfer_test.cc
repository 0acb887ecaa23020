#include "workspace/git_transfer.h"

#include <gtest/gtest.h>

#include "workspace/git_command.h"
#include "workspace/git_repositories.h"
#include "workspace/overlay_test.h"

namespace hv::workspace {
namespace {

class Git : public ::testing::Test, protected OverlayWorld {
 protected:
  void SetUp() override {
    if (!have_git()) GTEST_SKIP() << "git is not installed";
  }
  static constexpr const char* first_ = "git init -q -b main; echo one > a; git add a; git commit -q -m first; ";

  // What goes and what does not: "old>new" names a line, "!" before refusals.
  std::string transfer(const std::vector<std::string>& accept = {}) {
    Opened opened = open();
    Baseline baseline = opened.baseline().value();
    ChangeSet set = find_changes(opened, baseline).value();
    Places places{root_ + "/ws", root_ + "/records", {}};
    auto repositories = find_repositories(places, opened, set.repositories).value();
    std::string text;
    for (const Repository& repository : repositories.items) {
      auto opened_transfer = GitTransfer::open(repository, baseline, opened, {.accept = accept, .force = false});
      EXPECT_TRUE(opened_transfer) << opened_transfer.error().message();
      if (!opened_transfer) continue;
      std::vector<core::Refusal> conflicts = opened_transfer->plan().conflicts;
      for (const core::Refusal& held : opened_transfer->plan().held) text += "held " + held.path + "\n";
      auto moved = opened_transfer->apply(conflicts);
      EXPECT_TRUE(moved) << moved.error().message();
      if (moved) {
        for (const core::RefChange& move : *moved)
          text += repository.name + " " + move.name + " " + std::to_string(move.commits) + "\n";
        EXPECT_TRUE(agree_on_refs(opened, repository, *moved));
      }
      for (const core::Refusal& conflict : conflicts) text += "!" + conflict.path + "\n";
    }
    return text;
  }
};

TEST_F(Git, CommitsArriveAsCommitsAndTheIndexIsRight) {
  host(first_);
  INSIDE_OR_SKIP("echo two > a; git commit -q -am second; echo three > a; git commit -q -am third");
  apply_all();
  EXPECT_EQ(transfer(), ".git refs/heads/main 2\n");
  EXPECT_EQ(shell("git log --format=%s; git status --porcelain; git fsck --strict"), "third\nsecond\nfirst\n");
  EXPECT_EQ(transfer(), "");
}

TEST_F(Git, ABranchAndATagArriveAndHeadFollows) {
  host(first_);
  INSIDE_OR_SKIP("git checkout -q -b topic; echo n > n; git add n; git commit -q -m topic; git tag v1");
  apply_all();
  EXPECT_EQ(transfer(), ".git refs/heads/topic 1\n.git refs/tags/v1 1\n.git HEAD 0\n");
  EXPECT_EQ(shell("git symbolic-ref HEAD; git rev-parse -q --verify v1 > /dev/null; git status --porcelain"),
            "refs/heads/topic\n");
}

TEST_F(Git, WhatTheHostCommittedMeanwhileIsNeverMovedAway) {
  host(first_);
  INSIDE_OR_SKIP("echo i > i; git add i; git commit -q -m inside");
  wait_a_tick();
  shell("echo h > h; git add h; git commit -q -m host");
  EXPECT_EQ(transfer(), "!.git/refs/heads/main\n");
  EXPECT_EQ(shell("git log --format=%s"), "host\nfirst\n");
}

TEST_F(Git, RepackingInsideIsNoChange) {
  host(first_);
  INSIDE_OR_SKIP("git gc -q; git pack-refs --all");
  EXPECT_EQ(transfer(), "");
  wait_a_tick();
  shell("echo h > h; git add h; git commit -q -m host");
  EXPECT_EQ(transfer(), "");
}

TEST_F(Git, ARewrittenBranchReplacesTheOneItWasMadeFrom) {
  host(first_);
  INSIDE_OR_SKIP("git commit -q --amend -m better");
  EXPECT_EQ(transfer(), ".git refs/heads/main 1\n");
  EXPECT_EQ(shell("git log --format=%s"), "better\n");
}

TEST_F(Git, ADeletedBranchGoesUnlessItIsCheckedOut) {
  host(std::string(first_) + "git branch old");
  INSIDE_OR_SKIP("git branch -q -D old; git checkout -q --detach; git branch -q -D main");
  EXPECT_EQ(transfer(), ".git refs/heads/old 0\n.git HEAD 0\n!.git/refs/heads/main\n");
}

TEST_F(Git, NothingOfTheSandboxsConfigurationOrHooksRuns) {
  host(first_);
  std::string trap = "touch " + root_ + "/outside/ran";
  INSIDE_OR_SKIP("echo two > a; git commit -q -am second; git config core.fsmonitor '" + trap +
                 "'; git config core.pager '" + trap +
                 "'; for h in reference-transaction post-index-change pre-commit; do printf '#!/bin/sh\\n" + trap +
                 "\\n' > .git/hooks/$h; chmod 755 .git/hooks/$h; done; mkdir -p .git/refs/replace");
  EXPECT_EQ(transfer(), ".git refs/heads/main 1\n");
  EXPECT_EQ(shell("ls -A", "/outside"), "");
  EXPECT_EQ(shell("git config --get core.fsmonitor || echo unset; ls .git/hooks | grep -v sample || true"), "unset\n");
}

TEST_F(Git, ARepositoryMadeInsideIsMadeOnTheHost) {
  host("true");
  INSIDE_OR_SKIP("mkdir sub; cd sub; git init -q -b trunk; echo 1 > f; git add f; git commit -q -m inner");
  apply_all();
  EXPECT_EQ(transfer(), "sub/.git refs/heads/trunk 1\n");
  EXPECT_EQ(shell("git -C sub log --format=%s; git -C sub status --porcelain"), "inner\n");
}

TEST_F(Git, ACommitWithAFileThatApplyHoldsStaysUntilTheFileIsAccepted) {
  host(std::string(first_) + "ln -s ../../tools/hook .git/hooks/pre-push");
  INSIDE_OR_SKIP(
      "echo x > .envrc; mkdir tools; echo x > tools/hook; ln -s /etc/passwd out; git add -A; git commit -q -m bad; git "
      "rm -q -r .envrc tools out; git commit -q -m 'hides it'; git checkout -q -b side main~2; echo s > s; git add s; "
      "git "
      "commit -q -m side; git checkout -q main");
  EXPECT_EQ(transfer(), "held .envrc\nheld out\nheld tools/hook\n.git refs/heads/side 1\n");
  EXPECT_EQ(shell("git log --format=%s"), "first\n");
  EXPECT_EQ(transfer({".envrc", "out"}), "held tools/hook\n");
  EXPECT_EQ(transfer({".envrc", "out", "tools"}), ".git refs/heads/main 2\n");
}

TEST_F(Git, ACommitOfWhatTheHostHasAcceptedGoes) {
  host(std::string(first_) + "echo mine > .envrc; ln -s /etc/passwd out");
  INSIDE_OR_SKIP("git add -A; git commit -q -m same");
  EXPECT_EQ(transfer(), ".git refs/heads/main 1\n");
}

TEST_F(Git, ACommitIsAcceptedByItsRefAsWell) {
  host(first_);
  INSIDE_OR_SKIP(
      "git checkout -q -b topic; mkdir .vscode; echo x > .vscode/tasks.json; git add -A; git commit -q -m t");
  EXPECT_EQ(transfer(), "held .vscode/tasks.json\n") << "HEAD stays with the branch";
  EXPECT_EQ(transfer({".git/refs/heads/topic"}), ".git refs/heads/topic 1\n.git HEAD 0\n");
}

TEST_F(Git, ADetachedHeadIsNoWayRound) {
  host(first_);
  INSIDE_OR_SKIP("git checkout -q --detach; echo x > .envrc; git add -A; git commit -q -m t");
  EXPECT_EQ(transfer(), "held .envrc\n");
}

TEST_F(Git, ACommittedRepositoryIsHeldAndAMergeOfTheHostsIsNot) {
  host(std::string(first_) +
       "git checkout -q -b other; echo x > .envrc; git add -A; git commit -q -m theirs; git checkout -q main");
  INSIDE_OR_SKIP("echo i > i; git add i; git commit -q -m i; git merge -q other; rm .envrc");
  EXPECT_EQ(transfer(), ".git refs/heads/main 2\n");
  INSIDE_OR_SKIP(
      "git checkout -q .; mkdir -p t/objects t/refs; for f in HEAD config objects/x refs/x ok; do echo x > t/$f; done; "
      "git add "
      "-A; git commit -q -m t");
  EXPECT_EQ(transfer(), "held t/HEAD\nheld t/config\nheld t/objects/x\nheld t/refs/x\n");
}

TEST_F(Git, AnObjectThatIsMissingStopsTheRef) {
  host(first_);
  INSIDE_OR_SKIP(
      "echo two > a; git commit -q -am second; blob=$(git rev-parse HEAD:a); rm -f .git/objects/$(echo $blob | cut "
      "-c1-2)/$(echo $blob | cut -c3-)");
  Opened opened = open();
  Baseline baseline = opened.baseline().value();
  ChangeSet set = find_changes(opened, baseline).value();
  Places places{root_ + "/ws", root_ + "/records", {}};
  auto repositories = find_repositories(places, opened, set.repositories).value();
  ASSERT_EQ(repositories.items.size(), 1u);
  auto opened_transfer = GitTransfer::open(repositories.items[0], baseline, opened, {});
  ASSERT_TRUE(opened_transfer);
  std::vector<core::Refusal> conflicts;
  EXPECT_FALSE(opened_transfer->apply(conflicts));
  EXPECT_EQ(shell("git log --format=%s"), "first\n");
}

TEST(GitRefs, OnlyWellFormedNamesTravel) {
  for (const char* name : {"refs/heads/main", "refs/tags/v1.0", "refs/remotes/origin/x", "refs/notes/commits"})
    EXPECT_TRUE(is_transferable_ref(name)) << name;
  for (const char* name :
       {"refs/replace/x", "refs/stash", "refs/heads/../x", "refs/heads/a b", "refs/heads/x.lock", "refs/heads/.x",
        "refs/heads/", "HEAD", "refs/heads/a//b", "refs/heads/x\n", "refs/heads/a@{1}"})
    EXPECT_FALSE(is_transferable_ref(name)) << name;
}

TEST_F(Git, FindsTheRepositoryWhereverItLies) {
  shell(std::string(first_) + "mkdir -p sub/deep; git worktree add -q ../outside/tree -b wt");
  EXPECT_EQ(git_layout(root_ + "/ws")->kind, GitLayout::Kind::inside);
  auto below = git_layout(root_ + "/ws/sub/deep");
  EXPECT_EQ(below->kind, GitLayout::Kind::subdirectory);
  EXPECT_EQ(below->second_overlay(), root_ + "/ws/.git");
  auto worktree = git_layout(root_ + "/outside/tree");
  EXPECT_EQ(worktree->kind, GitLayout::Kind::worktree);
  EXPECT_EQ(worktree->common_dir, root_ + "/ws/.git");
  EXPECT_EQ(worktree->git_dir, root_ + "/ws/.git/worktrees/tree");
  EXPECT_EQ(git_layout(root_ + "/records")->kind, GitLayout::Kind::none);
}

TEST_F(Git, AFileThatNamesADirectoryWhichDoesNotNameItBackIsNoRepository) {
  // What an agent could leave in a workspace, to be shown someone else's repository, or any directory, at the next run.
  shell(std::string(first_) +
        "git worktree add -q ../outside/tree -b wt; mkdir -p ../planted ../planted2/inner ../secret");
  for (std::string target :
       {root_ + "/secret", root_ + "/ws/.git", root_ + "/ws/.git/worktrees/tree", std::string("/etc")}) {
    shell("printf 'gitdir: " + target + "\\n' > ../planted/.git");
    EXPECT_EQ(git_layout(root_ + "/planted")->kind, GitLayout::Kind::none) << target;
  }
  // A git directory of its own making that borrows the other's objects and refs.
  shell("cp ../ws/.git/HEAD ../planted2/inner/HEAD; printf '%s\\n' '" + root_ +
        "/ws/.git' > ../planted2/inner/commondir;" + "printf '%s\\n' '" + root_ +
        "/planted2/.git' > ../planted2/inner/gitdir; printf 'gitdir: inner\\n' > ../planted2/.git");
  EXPECT_EQ(git_layout(root_ + "/planted2")->kind, GitLayout::Kind::none);
}

}  // namespace
}  // namespace hv::workspace
