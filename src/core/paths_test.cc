#include "core/paths.h"

#include <gtest/gtest.h>

namespace hv::core {
namespace {

TEST(Paths, FollowTheXdgSpecificationForAUser) {
  Paths paths = *find_paths({.uid = 1000,
                             .home = "/home/u",
                             .xdg_config_home = "",
                             .xdg_state_home = "",
                             .xdg_runtime_dir = "/run/user/1000"});
  EXPECT_EQ(paths.config, "/home/u/.config/hydravisor");
  EXPECT_EQ(paths.homes, "/home/u/.local/state/hydravisor/homes");
  EXPECT_EQ(paths.socket, "/run/user/1000/hydravisor/hydravisord.sock");
}

TEST(Paths, FallBackToTheStateDirectoryWithoutARuntimeDirectory) {
  Paths paths = *find_paths(
      {.uid = 1000, .home = "/home/u", .xdg_config_home = "/c/", .xdg_state_home = "/s", .xdg_runtime_dir = ""});
  EXPECT_EQ(paths.policies, "/c/hydravisor/policies");
  EXPECT_EQ(paths.socket, "/s/hydravisor/run/hydravisord.sock");
}

TEST(Paths, IgnoreRelativeValues) {
  Paths paths = *find_paths(
      {.uid = 1000, .home = "/home/u", .xdg_config_home = "conf", .xdg_state_home = "", .xdg_runtime_dir = "run"});
  EXPECT_EQ(paths.config, "/home/u/.config/hydravisor");
  EXPECT_EQ(paths.runtime, "/home/u/.local/state/hydravisor/run");
}

TEST(Paths, AreTheSystemsForRootUnlessTheStateDirectoryIsNamed) {
  Paths paths = *find_paths(
      {.uid = 0, .home = "/root", .xdg_config_home = "", .xdg_state_home = "", .xdg_runtime_dir = "/run/user/0"});
  EXPECT_EQ(paths.config_file, "/etc/hydravisor/config.toml");
  EXPECT_EQ(paths.sandboxes, "/var/lib/hydravisor/sandboxes");
  EXPECT_EQ(paths.socket, "/run/hydravisor/hydravisord.sock");
  paths = *find_paths(
      {.uid = 0, .home = "/root", .xdg_config_home = "", .xdg_state_home = "/tmp/s", .xdg_runtime_dir = "/tmp/r"});
  EXPECT_EQ(paths.ledger, "/tmp/s/hydravisor/ledger");
  EXPECT_EQ(paths.socket, "/tmp/r/hydravisor/hydravisord.sock");
}

TEST(Paths, SayWhatIsMissing) {
  EXPECT_FALSE(
      find_paths({.uid = 1000, .home = "", .xdg_config_home = "", .xdg_state_home = "", .xdg_runtime_dir = ""}));
  base::Result<Paths> paths = find_paths({.uid = 1000,
                                          .home = "/home/u",
                                          .xdg_config_home = "",
                                          .xdg_state_home = "",
                                          .xdg_runtime_dir = "/" + std::string(100, 'x')});
  ASSERT_FALSE(paths);
  EXPECT_NE(paths.error().hint().find("XDG_RUNTIME_DIR"), std::string::npos);
}

}  // namespace
}  // namespace hv::core
