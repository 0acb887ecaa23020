#include "images/workspace_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <linux/magic.h>

#include "base/ordinary_user_test.h"
#include "images/fake_host_test.h"

namespace hv::images {
namespace {

using testing::HasSubstr;

class WorkspaceCheckTest : public FakeHost, public testing::Test {
 protected:
  base::Result<std::string> check(const std::string& path, core::WorkspaceMode mode = core::WorkspaceMode::cow) {
    return check_workspace({.path = path,
                            .mode = mode,
                            .home = home_,
                            .state = top_ + "/home/ada/.local/state/hydravisor",
                            .own = {home_ + "/.config/hydravisor"}});
  }
  std::string refusal(const std::string& path) {
    base::Result<std::string> result = check(path);
    return result ? "accepted " + *result : result.error().text();
  }
};

TEST_F(WorkspaceCheckTest, GivesTheCanonicalPath) {
  link("short", "project");
  EXPECT_EQ(*check(top_ + "/short/."), top_ + "/project");
}

TEST_F(WorkspaceCheckTest, RefusesWhatWouldHandOverTooMuch) {
  link("myhome", "home/ada");
  std::filesystem::create_directories(home_ + "/.ssh/sub");
  std::filesystem::create_directories(home_ + "/.local/state/hydravisor/homes");
  EXPECT_THAT(refusal("/"), HasSubstr("the root of the file system cannot be a workspace"));
  EXPECT_THAT(refusal("/"), HasSubstr("change to your project's directory"));
  EXPECT_THAT(refusal(home_), HasSubstr("your home cannot be a workspace"));
  EXPECT_THAT(refusal(top_ + "/myhome"), HasSubstr("your home cannot be a workspace"));
  EXPECT_THAT(refusal(top_ + "/home"), HasSubstr("your home lies in it"));
  EXPECT_THAT(refusal(home_ + "/.ssh/sub"), HasSubstr("which holds secrets"));
  EXPECT_THAT(refusal(home_ + "/.local/state"), HasSubstr("Hydravisor's own state"));
  EXPECT_THAT(refusal(home_ + "/.local/state/hydravisor/homes"), HasSubstr("Hydravisor's own state"));
  std::filesystem::create_directories(home_ + "/.config/hydravisor/policies");
  std::filesystem::create_directories(home_ + "/.config/other");
  for (const char* below : {"/.config", "/.config/hydravisor", "/.config/hydravisor/policies"})
    EXPECT_THAT(refusal(home_ + below), HasSubstr("where Hydravisor's own files lie")) << below;
  EXPECT_TRUE(check(home_ + "/.config/other"));
  EXPECT_THAT(refusal("/etc"), HasSubstr("system directory"));
  EXPECT_THAT(refusal("/usr"), HasSubstr("system directory"));
  EXPECT_THAT(refusal("/proc/self"), HasSubstr("system directory"));
}

TEST_F(WorkspaceCheckTest, RefusesWhatIsNoDirectory) {
  file("project/a.txt");
  EXPECT_THAT(refusal(top_ + "/project/a.txt"), HasSubstr("not a directory"));
  EXPECT_THAT(refusal(top_ + "/gone"), HasSubstr("No such file"));
  EXPECT_THAT(refusal("relative"), HasSubstr("not an absolute path"));
}

TEST_F(WorkspaceCheckTest, RefusesWhatTheCallerMayNotRead) {
  std::filesystem::permissions(top_ + "/project", std::filesystem::perms::none);
  // The directory above must let the other user reach it.
  std::filesystem::permissions(top_, std::filesystem::perms::owner_all | std::filesystem::perms::others_exec);
  auto claim = [&] { return refusal(top_ + "/project").find("you may not read it") != std::string::npos; };
  EXPECT_EXIT(base::exit_as_ordinary_user(claim), testing::ExitedWithCode(0), "");
  std::filesystem::permissions(top_ + "/project", std::filesystem::perms::owner_all);
}

TEST(OverlayObstacle, NamesFileSystemsThatCannotLieBelowOrAboveAnOverlay) {
  EXPECT_STREQ(overlay_obstacle(NFS_SUPER_MAGIC, false), "NFS");
  EXPECT_STREQ(overlay_obstacle(0x65735546, true), "FUSE");
  EXPECT_STREQ(overlay_obstacle(MSDOS_SUPER_MAGIC, false), "vfat");
  EXPECT_STREQ(overlay_obstacle(PROC_SUPER_MAGIC, false), "proc");
  EXPECT_EQ(overlay_obstacle(OVERLAYFS_SUPER_MAGIC, false), nullptr);
  EXPECT_STREQ(overlay_obstacle(OVERLAYFS_SUPER_MAGIC, true), "overlay");
  EXPECT_EQ(overlay_obstacle(EXT4_SUPER_MAGIC, true), nullptr);
  EXPECT_EQ(overlay_obstacle(TMPFS_MAGIC, true), nullptr);
}

}  // namespace
}  // namespace hv::images
