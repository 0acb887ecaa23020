#include "base/remove_tree.h"

#include <algorithm>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace hv::base {
namespace {

class RemoveTree : public ::testing::Test {
 protected:
  void SetUp() override {
    // In memory where that is to be had: the trees are large.
    root_ = (path_exists("/dev/shm") ? "/dev/shm" : "/tmp") + std::string("/hv-remove-XXXXXX");
    ASSERT_NE(::mkdtemp(root_.data()), nullptr);
  }
  void TearDown() override { static_cast<void>(remove_tree(root_)); }

  // A chain of directories as an agent makes one: no path is long enough to name its end. A file lies at every tenth.
  void make_chain(const std::string& path, int levels) {
    ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
    Fd at = *open_file(path, O_RDONLY | O_DIRECTORY);
    for (int level = 0; level < levels; ++level) {
      ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0) << level;
      if (level % 10 == 0) ASSERT_TRUE(open_file("f", O_WRONLY | O_CREAT, 0644, at.get()));
      at = *open_file("d", O_RDONLY | O_DIRECTORY, 0, at.get());
    }
  }
  std::string root_;
};

TEST_F(RemoveTree, IsNotEndedByATreeOfThirtyThousandLevels) {
  make_chain(root_ + "/deep", 30'000);
  // Few descriptors and little stack have to do.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few{std::min<rlim_t>(before.rlim_cur, 100), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  Status removed = remove_tree(root_ + "/deep");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(path_exists(root_ + "/deep"));
}

TEST_F(RemoveTree, GoesOnBesideNamesThatLookLikeItsOwn) {
  make_chain(root_ + "/deep", 200);
  make_chain(root_ + "/deep/hoisted-1", 200);
  ASSERT_TRUE(replace_file(root_ + "/deep/hoisted-2", "x"));
  ASSERT_TRUE(remove_tree(root_ + "/deep"));
  EXPECT_FALSE(path_exists(root_ + "/deep"));
}

TEST_F(RemoveTree, OpensWhatItsOwnerMayNotRead) {
  make_chain(root_ + "/locked", 3);
  ASSERT_EQ(::chmod((root_ + "/locked/d/d").c_str(), 0), 0);
  ASSERT_EQ(::chmod((root_ + "/locked").c_str(), 0), 0);
  EXPECT_TRUE(remove_tree(root_ + "/locked"));
  EXPECT_FALSE(path_exists(root_ + "/locked"));
}

TEST_F(RemoveTree, NeverFollowsALink) {
  make_chain(root_ + "/kept", 2);
  ASSERT_EQ(::mkdir((root_ + "/tree").c_str(), 0755), 0);
  ASSERT_EQ(::symlink("../kept", (root_ + "/tree/link").c_str()), 0);
  ASSERT_EQ(::symlink("kept", (root_ + "/link").c_str()), 0);
  EXPECT_TRUE(remove_tree(root_ + "/tree"));
  EXPECT_TRUE(remove_tree(root_ + "/link"));
  EXPECT_TRUE(path_exists(root_ + "/kept/d/d"));
  EXPECT_FALSE(path_exists(root_ + "/tree"));
}

TEST_F(RemoveTree, OfWhatIsAbsentSucceeds) {
  EXPECT_TRUE(remove_tree(root_ + "/nothing"));
}

}  // namespace
}  // namespace hv::base
