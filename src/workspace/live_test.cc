#include "workspace/live.h"

#include <gtest/gtest.h>

#include "workspace/overlay_test.h"

namespace hv::workspace {
namespace {

class Live : public ::testing::Test, protected OverlayWorld {
 protected:
  PreimageStore store(PreimageStore::Limits limits = {}) {
    return std::move(
        PreimageStore::open(Tree::open(root_ + "/ws").value(), root_ + "/records/preimages", limits).value());
  }
};

TEST_F(Live, UndoPutsEverythingBackAndKeepsWhatItReplaced) {
  shell("echo one > a; chmod 640 a; mkdir d; echo f > d/f; ln -s a l; echo m > m");
  std::string original = tree();
  PreimageStore kept = store();
  for (const char* path : {"a", "new", "made", "d", "l", "m"}) ASSERT_TRUE(kept.keep(path)) << path;
  shell("echo two > a; echo n > new; mkdir made; echo x > made/x; rm -r d; rm l; ln -s /etc l; chmod 755 m");
  std::string listed;
  for (const Change& change : find_live_changes(kept).value())
    listed += std::string(core::name_of(change.kind)) + " " + change.path + "\n";
  EXPECT_EQ(listed,
            "modified a\ndeleted d\ndeleted d/f\nmodified l\nmode_changed m\nadded made\nadded made/x\nadded new\n");
  auto undone = undo_live(kept, root_ + "/records", {});
  ASSERT_TRUE(undone) << undone.error().message();
  EXPECT_EQ(tree(), original);
  EXPECT_EQ(shell("cat undone/tree/a undone/tree/made/x", "/records"), "two\nx\n");
  EXPECT_FALSE(undo_live(kept, root_ + "/records", {}));
}

TEST_F(Live, TheFirstContentCountsAndOutlivesTheSupervisor) {
  shell("echo one > a");
  ASSERT_TRUE(store().keep("a"));
  shell("echo two > a");
  PreimageStore again = store();
  ASSERT_TRUE(again.keep("a"));
  ASSERT_TRUE(undo_live(again, root_ + "/records", {"a"}));
  EXPECT_EQ(text("a"), "one\n");
}

TEST_F(Live, WhatIsTooLargeIsSaidNotLost) {
  shell("head -c 5000 /dev/zero > big; echo s > small");
  PreimageStore kept = store({1000, 10000, 10});
  EXPECT_FALSE(kept.keep("big"));
  EXPECT_TRUE(kept.keep("small"));
  shell("echo x > big; echo x > small");
  auto undone = undo_live(kept, root_ + "/records", {});
  ASSERT_TRUE(undone);
  EXPECT_EQ(undone->paths, std::vector<std::string>{"small"});
  ASSERT_EQ(undone->conflicts.size(), 1u);
  EXPECT_EQ(undone->conflicts[0].path, "big");
}

TEST_F(Live, NeverKeepsThroughALink) {
  shell("ln -s ../outside out");
  shell("echo secret > s", "/outside");
  PreimageStore kept = store();
  EXPECT_FALSE(kept.keep("../outside/s"));
  static_cast<void>(kept.keep("out/s"));
  EXPECT_EQ(shell("find preimages -type f -name s", "/records"), "");
}

TEST_F(Live, KeepsADirectoryItselfWithoutWhatIsInIt) {
  shell("mkdir d; echo f > d/f");
  PreimageStore kept = store();
  ASSERT_TRUE(kept.keep("d", PreimageStore::Extent::itself));
  EXPECT_EQ(kept.index().size(), 1u);
  ASSERT_TRUE(kept.keep("d", PreimageStore::Extent::with_contents));
  EXPECT_EQ(kept.index().size(), 2u);
}

TEST_F(Live, KeepsAnewWhatIsOverwrittenAfterAnUndo) {
  shell("echo one > a");
  PreimageStore supervisor = store();
  ASSERT_TRUE(supervisor.keep("a"));
  shell("echo two > a");
  PreimageStore worker = store();
  ASSERT_TRUE(undo_live(worker, root_ + "/records", {}));
  ASSERT_TRUE(supervisor.refresh());
  EXPECT_TRUE(supervisor.index().empty());
  ASSERT_TRUE(supervisor.keep("a"));
  shell("echo three > a");
  PreimageStore again = store();
  ASSERT_TRUE(undo_live(again, root_ + "/records", {}));
  EXPECT_EQ(text("a"), "one\n");
}

TEST_F(Live, ATornIndexLineIsDropped) {
  shell("echo one > a");
  ASSERT_TRUE(store().keep("a"));
  shell("printf 'f 644 0' >> preimages/index", "/records");
  EXPECT_EQ(store().index().size(), 1u);
  EXPECT_EQ(store().index().size(), 1u);
}

TEST_F(Live, ATreeTooDeepToNameIsShownAndUndone) {
  PreimageStore kept = store();
  ASSERT_TRUE(kept.keep("deep"));
  make_deep(root_ + "/ws/deep", std::string(200, 'n'), 40);
  auto changes = find_live_changes(kept);
  ASSERT_TRUE(changes) << changes.error().message();
  EXPECT_FALSE(changes->back().problem.empty());
  auto undone = undo_live(kept, root_ + "/records", {});
  ASSERT_TRUE(undone) << undone.error().message();
  EXPECT_EQ(text("deep"), "(absent)");
  EXPECT_FALSE(base::path_exists(root_ + "/ws/deep"));
}

}  // namespace
}  // namespace hv::workspace
