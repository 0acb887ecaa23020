#include "base/disk_walk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"

namespace hv::base {
namespace {

class DiskWalkTest : public testing::Test {
 protected:
  void SetUp() override {
    // In memory where that is to be had: one tree is deep.
    directory_ = (path_exists("/dev/shm") ? "/dev/shm" : "/tmp") + std::string("/hv-walk-XXXXXX");
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    root_ = *open_file(directory_, O_RDONLY | O_DIRECTORY);
  }
  void TearDown() override { ASSERT_TRUE(remove_tree(directory_)); }
  void put(const std::string& name, size_t size) {
    Fd file = *open_file(directory_ + "/" + name, O_WRONLY | O_CREAT, 0600);
    ASSERT_TRUE(write_all(file.get(), std::string(size, 'x')));
  }
  static uint64_t count(DiskWalk& walk, size_t slice = 1000) {
    while (!walk.step(slice)) {
    }
    return walk.bytes();
  }
  std::string directory_;
  Fd root_;
};

TEST_F(DiskWalkTest, CountsBlocksInEveryDepthWhateverTheSlice) {
  ASSERT_TRUE(make_directories(directory_ + "/a/b"));
  put("one", 1 << 20);
  put("a/two", 1 << 20);
  put("a/b/three", 1 << 20);
  for (size_t slice : {1, 2, 1000}) {
    DiskWalk walk({root_.get()});
    uint64_t bytes = count(walk, slice);
    EXPECT_GE(bytes, uint64_t{3} << 20);
    EXPECT_LT(bytes, (uint64_t{3} << 20) + 64 * 1024);
    EXPECT_FALSE(walk.disturbed());
  }
}

TEST_F(DiskWalkTest, CountsAFileWithSeveralNamesOnce) {
  put("one", 1 << 20);
  ASSERT_EQ(::link((directory_ + "/one").c_str(), (directory_ + "/same").c_str()), 0);
  DiskWalk walk({root_.get()});
  EXPECT_LT(count(walk), uint64_t{2} << 20);
}

TEST_F(DiskWalkTest, CountsEmptyFilesToo) {
  for (int i = 0; i < 100; ++i) put(std::to_string(i), 0);
  DiskWalk walk({root_.get()});
  EXPECT_EQ(count(walk), 100 * DiskWalk::kInode);
}

TEST_F(DiskWalkTest, FollowsNoLink) {
  ASSERT_EQ(::symlink("/usr", (directory_ + "/link").c_str()), 0);
  DiskWalk walk({root_.get()});
  EXPECT_LT(count(walk), uint64_t{64} << 10);
}

TEST_F(DiskWalkTest, GoesDeeperThanDescriptorsAndPathsReach) {
  Fd here = *root_.duplicate();
  for (int i = 0; i < 1100; ++i) {
    ASSERT_EQ(::mkdirat(here.get(), "directory", 0700), 0);
    here = Fd(::openat(here.get(), "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(here);
  }
  DiskWalk walk({root_.get()});
  EXPECT_GE(count(walk), 1100 * DiskWalk::kInode);
  EXPECT_FALSE(walk.disturbed());
}

TEST_F(DiskWalkTest, OfADirectoryThatIsMovedAwayEndsAndSaysSo) {
  ASSERT_TRUE(make_directories(directory_ + "/tree/a/b/c"));
  ASSERT_TRUE(make_directories(directory_ + "/elsewhere"));
  Fd tree = *open_file(directory_ + "/tree", O_RDONLY | O_DIRECTORY);
  DiskWalk walk({tree.get()});
  // The root is opened, then three entries and the end of each of three directories are read: c is open.
  EXPECT_FALSE(walk.step(1 + 3 * 4));
  ASSERT_EQ(::rename((directory_ + "/tree/a/b").c_str(), (directory_ + "/elsewhere/b").c_str()), 0);
  EXPECT_TRUE(walk.step(100));
  EXPECT_TRUE(walk.disturbed());
}

}  // namespace
}  // namespace hv::base
