#include "images/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "images/fake_host_test.h"

namespace hv::images {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class HomeTest : public FakeHost, public testing::Test {
 protected:
  HomeStore store() { return HomeStore(top_ + "/homes"); }
  AgentProfile agent(std::vector<std::string> copy = {}) {
    AgentProfile profile;
    profile.name = "pi";
    profile.copy = std::move(copy);
    return profile;
  }
};

TEST_F(HomeTest, IsTheSameForTheSameAgentAndProjectOnly) {
  Home first = *store().open(agent(), "/p", home_);
  EXPECT_TRUE(first.created);
  Home again = *store().open(agent(), "/p", home_);
  EXPECT_FALSE(again.created);
  EXPECT_EQ(first.path, again.path);
  EXPECT_NE(store().open(agent(), "/q", home_)->path, first.path);
  AgentProfile other = agent();
  other.name = "p";
  EXPECT_NE(HomeStore::key_for("p", "i/p"), HomeStore::key_for("pi", "/p"));
}

TEST_F(HomeTest, CopiesConfigurationOnceAndNeverALogin) {
  file("home/ada/.pi/agent/settings.json", "{}");
  file("home/ada/.pi/agent/skills/a/SKILL.md", "s");
  file("home/ada/.pi/agent/skills/a/auth.json", "token");
  program("home/ada/.pi/agent/skills/a/run.sh", "#!/bin/sh\n");
  file("dotfiles/models.json", "m");
  link("home/ada/.pi/agent/models.json", top_ + "/dotfiles/models.json");
  file("home/ada/.ssh/id_ed25519", "key");
  link("home/ada/.pi/agent/skills/a/innocent", home_ + "/.ssh");
  Home home = *store().open(agent({".pi/agent/settings.json", ".pi/agent/models.json", ".pi/agent/skills", ".absent"}),
                            "/p", home_);
  EXPECT_EQ(*base::read_file(home.path + "/.pi/agent/models.json"), "m");
  EXPECT_TRUE(base::path_exists(home.path + "/.pi/agent/skills/a/SKILL.md"));
  EXPECT_EQ(std::filesystem::status(home.path + "/.pi/agent/skills/a/run.sh").permissions(),
            std::filesystem::perms::owner_all);
  EXPECT_FALSE(base::path_exists(home.path + "/.pi/agent/skills/a/auth.json"));
  EXPECT_FALSE(base::path_exists(home.path + "/.pi/agent/skills/a/innocent"));
  EXPECT_THAT(home.notes, ElementsAre(HasSubstr("auth.json was not copied: its name marks a login"),
                                      HasSubstr("innocent was not copied: it holds secrets")));

  ASSERT_TRUE(base::replace_file(home.path + "/.pi/agent/settings.json", "changed inside"));
  home = *store().open(agent({".pi/agent/settings.json"}), "/p", home_);
  EXPECT_EQ(*base::read_file(home.path + "/.pi/agent/settings.json"), "changed inside");
}

TEST_F(HomeTest, AFreshOneIsFilledOnce) {
  file("home/ada/.x/settings.json", "1");
  Home home = *HomeStore::fresh(agent({".x/settings.json"}), top_ + "/sandbox/home", home_);
  EXPECT_EQ(*base::read_file(home.path + "/.x/settings.json"), "1");
  ASSERT_TRUE(base::replace_file(home.path + "/.x/settings.json", "2"));
  EXPECT_FALSE(HomeStore::fresh(agent({".x/settings.json"}), top_ + "/sandbox/home", home_)->created);
  EXPECT_EQ(*base::read_file(home.path + "/.x/settings.json"), "2");
}

TEST_F(HomeTest, IsListedAndRemoved) {
  Home home = *store().open(agent(), "/p", home_);
  ASSERT_TRUE(base::replace_file(home.path + "/data", std::string(8192, 'x')));
  std::vector<core::HomeInfo> all = *store().list();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].agent, "pi");
  EXPECT_EQ(all[0].project, "/p");
  EXPECT_GE(all[0].bytes, 8192u);
  EXPECT_TRUE(all[0].last_used);
  base::Status wrong = store().remove("pi-" + std::string(home.key).substr(3, 15) + "z");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().hint(), "did you mean '" + home.key + "'?");
  EXPECT_FALSE(store().remove("../homes"));
  EXPECT_TRUE(store().remove(home.key));
  EXPECT_TRUE(store().list()->empty());
  EXPECT_TRUE(std::filesystem::is_empty(top_ + "/homes"));
}

TEST_F(HomeTest, MountPointsNeverLeadOutThroughALinkOfTheAgent) {
  Home home = *store().open(agent(), "/p", home_);
  std::filesystem::create_directories(top_ + "/victim");
  std::filesystem::create_symlink(top_ + "/victim", home.path + "/.nvm");
  ASSERT_TRUE(base::replace_file(home.path + "/.cargo", "in the way"));
  std::filesystem::create_directories(home.path + "/.local/bin/tool");
  ASSERT_TRUE(prepare_mount_points(home.path, {{".nvm/versions/node", MountPoint::Kind::directory, {}},
                                               {".cargo/bin", MountPoint::Kind::directory, {}},
                                               {".local/bin/tool", MountPoint::Kind::file, {}},
                                               {".profile", MountPoint::Kind::link, "/nix/x"}}));
  EXPECT_TRUE(std::filesystem::is_empty(top_ + "/victim"));
  EXPECT_TRUE(std::filesystem::is_directory(std::filesystem::symlink_status(home.path + "/.nvm")));
  EXPECT_TRUE(std::filesystem::is_directory(home.path + "/.cargo/bin"));
  EXPECT_TRUE(std::filesystem::is_regular_file(home.path + "/.local/bin/tool"));
  EXPECT_EQ(std::filesystem::read_symlink(home.path + "/.profile"), "/nix/x");
  ASSERT_TRUE(prepare_mount_points(home.path, {{".profile", MountPoint::Kind::link, "/nix/y"}}));
  EXPECT_EQ(std::filesystem::read_symlink(home.path + "/.profile"), "/nix/y");
}

}  // namespace
}  // namespace hv::images
