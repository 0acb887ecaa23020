#include "workspace/changes.h"

#include <gtest/gtest.h>

#include "workspace/bytes.h"
#include "workspace/discard.h"
#include "workspace/overlay_test.h"

namespace hv::workspace {
namespace {

class Changes : public ::testing::Test, protected OverlayWorld {};

TEST_F(Changes, ListsEveryKindOnce) {
  host(
      "echo one > a; mkdir -p gone/deep; echo x > gone/deep/f; echo m > mode; mkdir d2f; echo i > d2f/i; echo f > f2d; "
      "ln -s a link");
  INSIDE_OR_SKIP(
      "echo two >> a; rm -r gone; chmod 755 mode; rm -r d2f; echo file > d2f; rm f2d; mkdir f2d; echo c > f2d/c; rm "
      "link; ln -s mode link; mkdir -p n/m; echo z > n/m/z");
  EXPECT_EQ(
      changes(),
      "modified a\ntype_changed d2f\ndeleted d2f/i\ntype_changed f2d\nadded f2d/c\ndeleted gone\ndeleted gone/deep\n"
      "deleted gone/deep/f\nmodified link\nmode_changed mode\nadded n\nadded n/m\nadded n/m/z\n");
}

TEST_F(Changes, WhatEqualsTheHostIsNoChange) {
  host("echo same > a; mkdir d; echo in > d/f; ln -s a l");
  INSIDE_OR_SKIP("echo x > a; echo same > a; cp -a d e; rm -r d; mv e d; rm l; ln -s a l; touch a");
  EXPECT_EQ(changes(), "");
}

TEST_F(Changes, AnOpaqueDirectoryHidesWhatItDoesNotContain) {
  host("mkdir d; echo 1 > d/one; echo 2 > d/two");
  INSIDE_OR_SKIP("rm -r d; mkdir d; echo 1 > d/one; echo 3 > d/three");
  EXPECT_EQ(changes(), "added d/three\ndeleted d/two\n");
}

TEST_F(Changes, SpecialFilesAreShownAndNeverApplied) {
  host("true");
  INSIDE_OR_SKIP("mkfifo pipe");
  EXPECT_EQ(changes(), "!added pipe\n");
  EXPECT_EQ(apply_all().conflicts.size(), 1u);
}

TEST_F(Changes, NamesAreBytes) {
  host("true");
  INSIDE_OR_SKIP(
      "printf x > \"$(printf 'new\\nline')\"; printf y > \"$(printf 'bad\\377byte')\"; printf z > \"$(printf "
      "'esc\\033[2J')\"");
  EXPECT_EQ(changes(),
            "added bad\xff"
            "byte\nadded esc\033[2J\nadded new\nline\n");
  apply_all();
  EXPECT_EQ(changes(), "");
  EXPECT_EQ(text("bad\xff"
                 "byte"),
            "y");
}

TEST_F(Changes, FindsWhatMovedByContentAndByLikeness) {
  host("seq 1 100 > numbers; echo unique content > small");
  INSIDE_OR_SKIP("mv small other; sed s/50/fifty/ numbers > digits; rm numbers");
  EXPECT_EQ(changes(), "added digits < numbers\ndeleted numbers\nadded other < small\ndeleted small\n");
}

TEST_F(Changes, AnEditOfTheHostAfterTheBeginningIsAConflict) {
  host("echo one > a; echo one > b; echo one > c");
  INSIDE_OR_SKIP("echo inside > a; rm b; echo inside > c");
  wait_a_tick();
  shell("echo host > a; echo host > b; echo inside > c");
  EXPECT_EQ(changes(), "!modified a\n!deleted b\n");
}

TEST_F(Changes, AnEditWithItsTimeSetBackIsStillAConflict) {
  host("echo one > a");
  INSIDE_OR_SKIP("echo inside > a");
  wait_a_tick();
  shell("echo two > a; touch -d 2001-01-01 a");
  EXPECT_EQ(changes(), "!modified a\n");
}

TEST_F(Changes, WhatTheHostDeletedIsNotBroughtBackUnasked) {
  host("mkdir d; echo one > d/a; echo k > d/k");
  INSIDE_OR_SKIP("echo inside >> d/a");
  wait_a_tick();
  shell("rm d/a");
  EXPECT_EQ(changes(), "!added d/a\n");
}

TEST_F(Changes, HoldsWhatTheHostRunsAndLinksThatLeadOut) {
  host("mkdir d");
  INSIDE_OR_SKIP(
      "echo x > .envrc; mkdir .vscode; echo '{}' > .vscode/tasks.json; ln -s /etc/passwd d/abs; ln -s ../../x d/rel; "
      "ln -s ../x d/in; echo > Makefile");
  EXPECT_EQ(changes(),
            "!added .envrc\n!added .vscode\n!added .vscode/tasks.json\nadded Makefile\n!added d/abs\nadded "
            "d/in\n!added d/rel\n");
}

TEST_F(Changes, StatusInsideIsNoChangeOfTheRepository) {
  host("git init -q -b main; echo 1 > f; git add f; git commit -q -m first");
  INSIDE_OR_SKIP("touch f; git status > /dev/null; echo '#!/bin/sh' > .git/hooks/pre-commit; git config user.name X");
  EXPECT_EQ(changes(), "!modified .git/config\n!added .git/hooks/pre-commit\n");
}

TEST(Paths, AreTooDeepByTheirLengthAndByTheirParts) {
  std::string parts;
  for (int i = 0; i < 256; ++i) parts += "d/";
  EXPECT_FALSE(too_deep(parts + "d"));
  EXPECT_TRUE(too_deep(parts + "d/d"));
  EXPECT_FALSE(too_deep(std::string(4000, 'n')));
  EXPECT_TRUE(too_deep(std::string(4001, 'n')));
}

TEST_F(Changes, ATreeTooDeepToNameIsShownAndCanBeDiscarded) {
  host("echo one > a");
  INSIDE_OR_SKIP("true");
  const std::string name(200, 'n');
  make_deep(root_ + "/records/upper/d", name, 40);
  EXPECT_NE(changes().find("!added d/" + name + "/" + name), std::string::npos);
  auto discarded = discard(open(), {});
  ASSERT_TRUE(discarded) << discarded.error().message();
  EXPECT_EQ(changes(), "");
  EXPECT_EQ(shell("ls upper", "/records"), "");
}

}  // namespace
}  // namespace hv::workspace
