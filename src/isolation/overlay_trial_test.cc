#include "isolation/overlay_trial.h"

#include <sched.h>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove_tree.h"
#include "isolation/in_child.h"
#include "isolation/namespace_trial.h"
#include "isolation/namespaces.h"

namespace hv::isolation {
namespace {

class OverlayTrial : public testing::Test {
 protected:
  void SetUp() override {
    if (try_namespaces(::geteuid(), ::getegid()).overlay != 0) GTEST_SKIP() << "this machine has no overlays";
    // Escaped in overlayfs's options.
    char text[] = "/tmp/hv-overlay,:-XXXXXX";
    ASSERT_NE(::mkdtemp(text), nullptr);
    top = text;
  }
  void TearDown() override {
    if (!top.empty()) ASSERT_TRUE(base::remove_tree(top));
  }
  static base::Status attempt(const std::string& directory) {
    for (const char* name : {"/lower/old.directory", "/upper", "/work"})
      if (base::Status made = base::make_directories(directory + name); !made) return made;
    if (base::Status made = base::replace_file(directory + "/lower/old.file", "x"); !made) return made;
    return try_overlay(directory + "/lower", directory + "/upper", directory + "/work", ::geteuid(), ::getegid());
  }
  std::string top;
};

TEST_F(OverlayTrial, SucceedsInMemory) {
  int code = in_child([&] {
    if (!enter_own_user_namespace(::getuid(), ::getgid()) || ::unshare(CLONE_NEWNS) != 0) return 77;
    if (::mount("tmpfs", top.c_str(), "tmpfs", 0, "size=1m") != 0) return 77;
    base::Status tried = attempt(top);
    if (!tried) std::fprintf(stderr, "%s\n", tried.error().text().c_str());
    return tried ? 0 : 1;
  });
  if (code == 77) GTEST_SKIP() << "this machine forbids namespaces";
  EXPECT_EQ(code, 0);
}

// Nothing in the name says so: an overlay mounts, and fails when something is replaced.
TEST_F(OverlayTrial, FailsOnAFileSystemWithoutExtendedAttributes) {
  int code = in_child([&] {
    if (!enter_own_user_namespace(::getuid(), ::getgid()) || ::unshare(CLONE_NEWNS) != 0) return 77;
    if (::mount("ramfs", top.c_str(), "ramfs", 0, nullptr) != 0) return 77;
    return attempt(top) ? 1 : 0;
  });
  if (code == 77) GTEST_SKIP() << "this machine forbids namespaces";
  EXPECT_EQ(code, 0);
}

TEST_F(OverlayTrial, FailsWhereTheLowerOneIsNot) {
  ASSERT_TRUE(base::make_directories(top + "/upper"));
  ASSERT_TRUE(base::make_directories(top + "/work"));
  EXPECT_FALSE(try_overlay(top + "/none", top + "/upper", top + "/work", ::geteuid(), ::getegid()));
}

}  // namespace
}  // namespace hv::isolation
