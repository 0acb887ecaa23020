#include "workspace/sync.h"

#include <gtest/gtest.h>

#include <fcntl.h>

#include "workspace/host_watcher.h"
#include "workspace/overlay_test.h"

namespace hv::workspace {
namespace {

std::optional<Entry> file() {
  return Entry{};
}

TEST(Sync, DecidesByWhatEachSideDid) {
  Entry whiteout;
  whiteout.whiteout = true;
  EXPECT_EQ(decide_sync({.host = file()}), SyncVerdict::bring_in);
  EXPECT_EQ(decide_sync({}), SyncVerdict::remove);
  EXPECT_EQ(decide_sync({.host = file(), .inside = file(), .same_content = true}), SyncVerdict::current);
  EXPECT_EQ(decide_sync({.host = file(), .inside = file()}), SyncVerdict::conflict);
  EXPECT_EQ(decide_sync({.host = file(), .inside = file(), .untouched_inside = true}), SyncVerdict::bring_in);
  EXPECT_EQ(decide_sync({.inside = file(), .untouched_inside = true}), SyncVerdict::remove);
  EXPECT_EQ(decide_sync({.inside = file()}), SyncVerdict::conflict);
  EXPECT_EQ(decide_sync({.host = file(), .inside = whiteout}), SyncVerdict::conflict);
  EXPECT_EQ(decide_sync({.inside = whiteout}), SyncVerdict::current);
  EXPECT_EQ(decide_sync({.host = file(), .hidden = true}), SyncVerdict::conflict);
}

class HostSync : public ::testing::Test, protected OverlayWorld {};

TEST_F(HostSync, FindsWhatTheHostChangedSinceTheBeginning) {
  host("echo 1 > a; echo 1 > b; echo 1 > c; mkdir d; echo 1 > d/e");
  INSIDE_OR_SKIP("echo inside > b");
  wait_a_tick();
  shell("echo 2 > a.new; mv a.new a; echo 2 > b; echo 2 > d/e");
  SyncPlan plan = plan_sync(open(), {}).value();
  EXPECT_EQ(plan.bring_in, (std::vector<std::string>{"a", "d/e"}));
  ASSERT_EQ(plan.conflicts.size(), 1u);
  EXPECT_EQ(plan.conflicts[0].path, "b");
}

TEST_F(HostSync, WhatWasBroughtInAndLeftAloneFollowsTheHost) {
  host("echo 1 > a");
  INSIDE_OR_SKIP("echo 2 > a");
  apply_all();
  wait_a_tick();
  shell("echo 3 > a");
  EXPECT_EQ(changes(), "");
  EXPECT_EQ(plan_sync(open(), {}).value().bring_in, std::vector<std::string>{"a"});
  INSIDE_OR_SKIP("echo 4 > a");
  EXPECT_EQ(changes(), "!modified a\n");
}

class Watch : public ::testing::Test, protected OverlayWorld {
 protected:
  // Runs the loop until the watcher reported after `script`, and gives what it reported.
  std::vector<std::string> report_of(const std::string& script, HostWatcher::Options options = {}) {
    base::EventLoop loop = std::move(base::EventLoop::create().value());
    std::vector<std::string> seen;
    auto watcher = HostWatcher::start(loop, root_ + "/ws", options, [&](std::vector<std::string> paths) {
      seen.insert(seen.end(), paths.begin(), paths.end());
    });
    EXPECT_TRUE(watcher);
    loop.after(std::chrono::milliseconds(20), [&] {
      shell(script);
      loop.after(std::chrono::milliseconds(200), [&] { loop.stop(); });
    });
    EXPECT_TRUE(loop.run());
    unwatched_ = (*watcher)->unwatched();
    return seen;
  }
  std::vector<std::string> unwatched_;
};

TEST_F(Watch, ReportsEachFileOfABurstOnce) {
  shell("mkdir -p d/e .git; echo 1 > d/e/f; echo 1 > gone");
  EXPECT_EQ(report_of("echo 2 > d/e/f; echo 3 > d/e/f; echo x > t; mv t d/n; rm gone; echo x > .git/index"),
            (std::vector<std::string>{"d/e/f", "d/n", "gone", "t"}));
}

TEST_F(Watch, SeesFilesOfDirectoriesThatAppear) {
  EXPECT_EQ(report_of("mkdir -p a/b; echo 1 > a/b/c"), std::vector<std::string>{"a/b/c"});
}

TEST_F(Watch, SaysWhatIsOverTheBoundAndSparesTheBulkyFirst) {
  shell("mkdir -p node_modules/x src/y");
  HostWatcher::Options options;
  options.most_watches = 3;
  EXPECT_EQ(report_of("echo 1 > src/y/f; echo 1 > node_modules/g", options), std::vector<std::string>{"src/y/f"});
  EXPECT_EQ(unwatched_, std::vector<std::string>{"node_modules"});
}

}  // namespace
}  // namespace hv::workspace
