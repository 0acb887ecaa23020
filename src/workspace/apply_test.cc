#include "workspace/apply.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>

#include "textdiff/text_diff.h"
#include "workspace/discard.h"
#include "workspace/overlay_test.h"
#include "workspace/undo.h"

namespace hv::workspace {
namespace {

class Apply : public ::testing::Test, protected OverlayWorld {
 protected:
  Apply() {
    differ = [](std::string_view before, std::string_view after) -> base::Result<LineDiff> {
      textdiff::TextDiff found = HV_TRY(textdiff::diff_text(before, after));
      return LineDiff{found.binary, found.added_lines, found.removed_lines, std::move(found.hunks)};
    };
  }
  static constexpr const char* before_ =
      "echo one > a; chmod 640 a; mkdir -p gone/deep; echo x > gone/deep/f; mkdir d2f; echo i > d2f/i; echo f > f2d; "
      "ln -s a link; echo m > mode";
  static constexpr const char* script_ =
      "echo two >> a; rm -r gone; rm -r d2f; echo file > d2f; rm f2d; mkdir f2d; echo c > f2d/c; rm link; ln -s mode "
      "link; mkdir -p n/m; echo z > n/m/z; chmod 755 mode; mkdir locked; echo s > locked/s; chmod 555 locked";
};

TEST_F(Apply, BringsEverythingAndUndoTakesItBack) {
  host(before_);
  std::string original = tree();
  INSIDE_OR_SKIP(script_);
  std::string listed = changes();
  core::ApplyReport report = apply_all();
  EXPECT_TRUE(report.conflicts.empty() && report.held.empty());
  EXPECT_EQ(changes(), "");
  EXPECT_EQ(text("a"), "one\ntwo\n");
  EXPECT_EQ(text("d2f"), "file\n");
  EXPECT_EQ(shell("stat -c %a a locked"), "640\n555\n");
  Opened opened = open();
  auto undone = undo_last(opened);
  ASSERT_TRUE(undone) << undone.error().message();
  EXPECT_TRUE(undone->conflicts.empty());
  EXPECT_EQ(tree(), original);
  // And all of it can be applied again.
  EXPECT_EQ(changes(), listed);
  EXPECT_TRUE(apply_all().conflicts.empty());
  EXPECT_EQ(changes(), "");
}

TEST_F(Apply, DryRunChangesNothing) {
  host(before_);
  std::string original = tree();
  INSIDE_OR_SKIP(script_);
  core::ApplyRequest request;
  request.dry_run = true;
  EXPECT_FALSE(apply_all(request).applied.empty());
  EXPECT_EQ(tree(), original);
}

TEST_F(Apply, OnlyTheNamedPathsGoWithTheDirectoriesTheyNeed) {
  host("true");
  INSIDE_OR_SKIP("mkdir -p d/e; echo 1 > d/e/one; echo 2 > d/two; echo 3 > three");
  core::ApplyRequest request;
  request.paths = {"d/e/one"};
  EXPECT_EQ(apply_all(request).applied, (std::vector<std::string>{"d", "d/e", "d/e/one"}));
  EXPECT_EQ(changes(), "added d/two\nadded three\n");
  request.paths = {"nothing"};
  Opened opened = open();
  auto refused = apply(opened, request, differ);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::ErrorCode::not_found);
}

TEST_F(Apply, RefusesWhatTheHostChangedAndBringsTheRest) {
  host("echo 1 > a; echo 1 > b");
  INSIDE_OR_SKIP("echo 2 > a; echo 2 > b");
  wait_a_tick();
  shell("echo mine > a");
  core::ApplyReport report = apply_all();
  EXPECT_EQ(report.applied, std::vector<std::string>{"b"});
  ASSERT_EQ(report.conflicts.size(), 1u);
  EXPECT_EQ(report.conflicts[0].path, "a");
  EXPECT_EQ(text("a"), "mine\n");
  core::ApplyRequest force;
  force.force = true;
  apply_all(force);
  EXPECT_EQ(text("a"), "2\n");
}

TEST_F(Apply, HeldFilesGoOnlyWhenAcceptedByName) {
  host("true");
  INSIDE_OR_SKIP("echo x > .envrc; mkdir .claude; echo y > .claude/settings.json");
  EXPECT_EQ(apply_all().held.size(), 3u);
  EXPECT_EQ(text(".envrc"), "(absent)");
  core::ApplyRequest request;
  request.accept = {".claude/settings.json"};
  core::ApplyReport report = apply_all(request);
  EXPECT_EQ(text(".claude/settings.json"), "y\n");
  ASSERT_EQ(report.held.size(), 1u);
  EXPECT_EQ(report.held[0].path, ".envrc");
}

TEST_F(Apply, ADirectoryStaysWhileTheHostHasNewFilesInIt) {
  host("mkdir d; echo 1 > d/one");
  INSIDE_OR_SKIP("rm -r d");
  wait_a_tick();
  shell("echo new > d/new");
  core::ApplyReport report = apply_all();
  EXPECT_EQ(report.applied, std::vector<std::string>{"d/one"});
  EXPECT_EQ(text("d/new"), "new\n");
}

TEST_F(Apply, NeverWritesThroughALinkThatTheHostPutInTheWay) {
  host("mkdir sub");
  INSIDE_OR_SKIP("echo evil > sub/victim");
  shell("echo safe > victim", "/outside");
  shell("rmdir sub; ln -s ../outside sub");
  core::ApplyReport report = apply_all();
  EXPECT_TRUE(report.applied.empty());
  EXPECT_EQ(shell("cat victim; ls -A", "/outside"), "safe\nvictim\n");
}

TEST_F(Apply, TakesChosenHunksOnly) {
  host("seq 1 30 > n");
  INSIDE_OR_SKIP("sed -i 's/^2$/two/; s/^28$/twentyeight/' n");
  core::ApplyRequest request;
  request.hunks = {{"n", {1}}};
  apply_all(request);
  EXPECT_EQ(shell("sed -n '2p;28p' n"), "2\ntwentyeight\n");
  EXPECT_EQ(changes(), "modified n\n");
  request.hunks = {{"n", {7}}};
  Opened opened = open();
  auto refused = apply(opened, request, differ);
  EXPECT_FALSE(refused);
  EXPECT_EQ(shell("sed -n '2p;28p' n"), "2\ntwentyeight\n");
}

// A crash at any step: the journal as it is on disk then, and what recover() makes of it.
TEST_F(Apply, ACrashAtAnyStepLeavesAllOrNothing) {
  host(before_);
  std::string original = tree();
  INSIDE_OR_SKIP(script_);
  apply_all();
  std::string result = tree();
  Opened opened = open();
  // Committing, everything exchanged, the end not written: it goes back.
  Journal journal = Journal::latest(opened.records).value().value();
  Plan plan = journal.read().value();
  plan.phase = Plan::Phase::committing;
  ASSERT_TRUE(journal.write(plan));
  base::Status recovered = recover(opened);
  ASSERT_TRUE(recovered) << recovered.error().message();
  EXPECT_EQ(tree(), original);
  EXPECT_FALSE(Journal::latest(opened.records).value());
  // Once more from there, and the process dies while only temporary files exist.
  journal = Journal::create(opened.records).value();
  plan.phase = Plan::Phase::staging;
  plan.steps.resize(0);
  Step step;
  step.path = "a";
  step.temporary = journal.temporary_prefix() + "0";
  step.before = opened.host.stat("a").value();
  plan.steps.push_back(step);
  ASSERT_TRUE(journal.write(plan));
  shell("echo half > " + step.temporary);
  ASSERT_TRUE(recover(opened));
  EXPECT_EQ(tree(), original);
  apply_all();
  EXPECT_EQ(tree(), result);
}

TEST_F(Apply, AFullDiskLeavesTheHostAsItWas) {
  host("echo one > a; echo b > b");
  std::string original = tree();
  INSIDE_OR_SKIP("echo two > a; head -c 3000000 /dev/zero > b");
  // The kernel's limit of a file's size stands for the disk's: the write fails in the middle of staging.
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{1'000'000, 1'000'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Opened opened = open();
    auto applied = apply(opened, {}, differ);
    ::_exit(!applied && applied.error().hint() == "nothing was changed" ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(tree(), original);
}

TEST_F(Apply, UndoLeavesWhatTheHostChangedSince) {
  host("echo one > a; echo one > b");
  INSIDE_OR_SKIP("echo two > a; echo two > b");
  apply_all();
  shell("echo mine > a");
  Opened opened = open();
  auto undone = undo_last(opened);
  ASSERT_TRUE(undone);
  EXPECT_EQ(text("a"), "mine\n");
  EXPECT_EQ(text("b"), "one\n");
  ASSERT_EQ(undone->conflicts.size(), 1u);
  EXPECT_FALSE(undo_last(opened));
}

TEST_F(Apply, DiscardShowsTheHostsVersionAgain) {
  host("echo one > a; mkdir d; echo 1 > d/f; echo k > d/k");
  INSIDE_OR_SKIP("echo two > a; rm -r d; echo n > n");
  Opened opened = open();
  auto refused = discard(opened, {"d/f"});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->conflicts.size(), 1u);
  ASSERT_TRUE(discard(opened, {"d", "n"}));
  EXPECT_EQ(changes(), "modified a\n");
  ASSERT_TRUE(discard(opened, {}));
  EXPECT_EQ(changes(), "");
  INSIDE_OR_SKIP("cat a d/f > /dev/null");
}

}  // namespace
}  // namespace hv::workspace
