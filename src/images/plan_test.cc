#include "images/plan.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "images/fake_host_test.h"
#include "images/host_etc.h"
#include "images/root.h"

namespace hv::images {
namespace {

using core::Mount;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class PlanTest : public FakeHost, public testing::Test {
 protected:
  void SetUp() override {
    // The system's own directories are a handful, so that assembling /etc costs nothing.
    file("usr/bin/tool");
    link("bin", "usr/bin");
    file("etc/services");
    host_.root = top_;
    request_.command = {"sh", "-c", "true"};
    request_.workspace = top_ + "/project";
    request_.home = top_ + "/state/home";
    request_.state_directory = top_ + "/state/sandbox";
    request_.cache = top_ + "/cache";
    request_.hostname = "quiet-otter";
    request_.uid = request_.gid = 1000;
    std::filesystem::create_directories(request_.home);
  }
  Plan plan() {
    request_.host = host_;
    base::Result<Plan> made = make_plan(request_);
    if (!made) ADD_FAILURE() << made.error().text();
    return made ? *made : Plan{};
  }
  base::Error refusal() {
    request_.host = host_;
    base::Result<Plan> made = make_plan(request_);
    return made ? base::internal_error("accepted") : made.error();
  }
  static const Mount* at(const Plan& plan, const std::string& target) {
    auto it = std::ranges::find_if(plan.mounts, [&](const Mount& mount) { return mount.target == target; });
    return it == plan.mounts.end() ? nullptr : &*it;
  }
  static size_t place(const Plan& plan, const std::string& target) {
    return static_cast<size_t>(at(plan, target) - plan.mounts.data());
  }

  PlanRequest request_;
};

TEST_F(PlanTest, PutsTheCopyOfTheProjectLastAtTheSamePlace) {
  Plan made = plan();
  const Mount& workspace = made.mounts.back();
  EXPECT_EQ(workspace.kind, Mount::Kind::overlay);
  EXPECT_EQ(workspace.source, top_ + "/project");
  EXPECT_EQ(workspace.target, top_ + "/project");
  EXPECT_EQ(workspace.upper, top_ + "/state/sandbox/workspace");
  EXPECT_TRUE(base::path_exists(workspace.upper + "/upper"));
  EXPECT_TRUE(base::path_exists(workspace.upper + "/work"));
  EXPECT_EQ(made.command.directory, top_ + "/project");
  EXPECT_THAT(made.command.arguments[0], testing::AnyOf("/usr/bin/sh", "/bin/sh"));
  EXPECT_THAT(made.command.environment, Contains("HOME=" + home_));
}

TEST_F(PlanTest, BindsWithoutACopyOrNothingWhenAsked) {
  request_.mode = core::WorkspaceMode::live;
  EXPECT_EQ(plan().mounts.back().kind, Mount::Kind::bind);
  EXPECT_TRUE(plan().mounts.back().writable);
  request_.mode = core::WorkspaceMode::ro;
  EXPECT_FALSE(plan().mounts.back().writable);
  request_.mode = core::WorkspaceMode::none;
  request_.workspace.clear();
  Plan made = plan();
  EXPECT_EQ(at(made, top_ + "/project"), nullptr);
  EXPECT_EQ(made.command.directory, home_);
}

TEST_F(PlanTest, ShowsTheSystemReadOnlyAndTheHomeWritable) {
  Plan made = plan();
  ASSERT_NE(at(made, "/usr"), nullptr);
  EXPECT_FALSE(at(made, "/usr")->writable);
  ASSERT_NE(at(made, "/etc"), nullptr);
  EXPECT_FALSE(at(made, "/etc")->writable);
  ASSERT_NE(at(made, home_), nullptr);
  EXPECT_TRUE(at(made, home_)->writable);
  EXPECT_EQ(at(made, home_)->source, top_ + "/state/home");
  for (const Mount& mount : made.mounts)
    if (mount.kind == Mount::Kind::bind && mount.writable) EXPECT_EQ(mount.target, home_);
  for (const char* absent : {"/proc", "/dev", "/run/user", "/home", "/root", "/var/run/docker.sock"})
    EXPECT_EQ(at(made, absent), nullptr) << absent;
}

TEST_F(PlanTest, MakesPlacesInTheHomeForToolsAndAProjectThatLieThere) {
  program("home/ada/.nvm/versions/node/v22/bin/node");
  file("home/ada/.nvm/versions/node/v22/lib/node_modules/npm/x.js");
  std::filesystem::create_directories(home_ + "/code/app");
  set("PATH", home_ + "/.nvm/versions/node/v22/bin:/usr/bin");
  request_.command = {"node"};
  request_.workspace = host_.caller.directory = home_ + "/code/app";
  Plan made = plan();
  EXPECT_LT(place(made, home_), place(made, home_ + "/.nvm"));
  EXPECT_LT(place(made, home_), place(made, home_ + "/code/app"));
  EXPECT_TRUE(std::filesystem::is_directory(request_.home + "/.nvm"));
  EXPECT_TRUE(std::filesystem::is_directory(request_.home + "/code/app"));
  EXPECT_EQ(made.command.arguments[0], home_ + "/.nvm/versions/node/v22/bin/node");
}

TEST_F(PlanTest, MakesTheLinkToAHomeThatLiesElsewhere) {
  std::filesystem::rename(top_ + "/home", top_ + "/realhome");
  link("home", "realhome");
  Plan made = plan();
  ASSERT_NE(at(made, top_ + "/home"), nullptr);
  EXPECT_EQ(at(made, top_ + "/home")->content, "realhome");
  EXPECT_NE(at(made, top_ + "/realhome/ada"), nullptr);
  EXPECT_THAT(made.command.environment, Contains("HOME=" + top_ + "/home/ada"));
}

TEST_F(PlanTest, GrantsWhatThePolicyNamesAndSaysWhatIsNotThere) {
  file("srv/models/m.bin");
  std::filesystem::create_directories(home_ + "/cache");
  request_.read = {top_ + "/srv/models", "/nonexistent/x"};
  request_.write = {"~/cache"};
  Plan made = plan();
  ASSERT_NE(at(made, top_ + "/srv/models"), nullptr);
  EXPECT_FALSE(at(made, top_ + "/srv/models")->writable);
  ASSERT_NE(at(made, home_ + "/cache"), nullptr);
  EXPECT_TRUE(at(made, home_ + "/cache")->writable);
  EXPECT_THAT(made.notes, Contains(HasSubstr("/nonexistent/x of the policy is not on this machine")));
}

TEST_F(PlanTest, FollowsNoLinkThatAnAgentCouldHaveMade) {
  file("elsewhere/secret");
  file("shared/data");
  link("shared/link", top_ + "/elsewhere");
  link("project/link", top_ + "/elsewhere");
  for (const char* path : {"/project/link", "/project/link/secret", "/project/l*"}) {
    request_.read = {top_ + path};
    EXPECT_THAT(refusal().message(), testing::HasSubstr(top_ + "/project/link is a link")) << path;
    EXPECT_THAT(refusal().hint(), testing::HasSubstr(top_ + "/elsewhere")) << path;
  }
  request_.read = {top_ + "/shared/link"};
  EXPECT_NE(at(plan(), top_ + "/elsewhere"), nullptr) << "where nobody inside writes";
  request_.write = {top_ + "/shared"};
  EXPECT_THAT(refusal().message(), testing::HasSubstr("/shared/link is a link"));
  request_.read = {top_ + "/shared/data"};
  EXPECT_NE(at(plan(), top_ + "/shared"), nullptr);
}

TEST_F(PlanTest, RefusesAGrantThatHoldsTheHome) {
  link("trick", "home");
  for (const std::string& path : {top_ + "/home", home_, top_ + "/trick"}) {
    request_.read = {path};
    EXPECT_THAT(refusal().message(), HasSubstr("holds your whole home")) << path;
  }
}

TEST_F(PlanTest, SaysWhatIsNotVisibleInsideThoughItExistsOutside) {
  program("home/ada/.docker/bin/tool");
  set("PATH", home_ + "/.docker/bin:/usr/bin");
  request_.command = {"tool"};
  base::Error error = refusal();
  EXPECT_EQ(error.code(), base::ErrorCode::not_found);
  EXPECT_THAT(error.text(), HasSubstr("command not found inside: 'tool' is " + home_ + "/.docker/bin/tool outside"));
  EXPECT_THAT(error.text(), HasSubstr("put read = [\"" + home_ + "/.docker/bin\"]"));
  request_.read = {home_ + "/.docker/bin"};
  EXPECT_EQ(plan().command.arguments[0], home_ + "/.docker/bin/tool");
}

TEST_F(PlanTest, AcceptsACommandThatOnlyTheSandboxsHomeHas) {
  set("PATH", home_ + "/.local/bin:/usr/bin");
  request_.command = {"own-tool"};
  EXPECT_EQ(refusal().code(), base::ErrorCode::not_found);
  program("state/home/.local/bin/own-tool");
  EXPECT_EQ(plan().command.arguments[0], "own-tool");
}

TEST_F(PlanTest, DoesNotCallAnAgentRootThatIsNot) {
  host_.user = "root";
  Plan made = plan();
  EXPECT_THAT(made.command.environment, Contains("USER=agent"));
  EXPECT_THAT(*base::read_file(at(made, "/etc")->source + "/passwd"), HasSubstr("agent:x:1000:1000"));
}

TEST_F(PlanTest, ShowsTokensBesideToolsEmpty) {
  program("home/ada/.nvm/versions/node/v22/bin/node");
  file("home/ada/.nvm/versions/node/v22/lib/x");
  std::string secret = file("home/ada/.nvm/versions/node/v22/etc/npmrc", "_authToken=s");
  set("PATH", home_ + "/.nvm/versions/node/v22/bin:/usr/bin");
  Plan made = plan();
  ASSERT_NE(at(made, secret), nullptr);
  EXPECT_EQ(*base::read_file(at(made, secret)->source), "");
}

TEST_F(PlanTest, AcceptsARootFileSystemOfTheUser) {
  program("rootfs/usr/bin/apk");
  file("rootfs/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
  file("rootfs/home/somebody/x");
  link("rootfs/bin", "usr/bin");
  request_.rootfs = top_ + "/rootfs";
  request_.command = {"apk", "add"};
  Plan made = plan();
  EXPECT_EQ(at(made, "/bin")->content, "usr/bin");
  EXPECT_EQ(at(made, "/usr")->kind, Mount::Kind::overlay);
  EXPECT_EQ(made.command.arguments[0], "apk");
  std::string passwd = *base::read_file(request_.state_directory + "/rootfs/etc/upper/passwd");
  EXPECT_THAT(passwd, HasSubstr("root:x:0:0"));
  EXPECT_THAT(passwd, HasSubstr("ada:x:1000:1000:ada:" + home_));
  EXPECT_EQ(*base::read_file(top_ + "/rootfs/etc/passwd"), "root:x:0:0::/root:/bin/sh\n");
  request_.rootfs = top_ + "/project";
  EXPECT_THAT(refusal().message(), HasSubstr("it is not a root file system"));
}

class HostEtc : public FakeHost, public testing::Test {
 protected:
  std::string assemble() {
    base::Result<std::string> etc = assemble_etc({.host_root = top_,
                                                  .cache = top_ + "/cache",
                                                  .uid = 1000,
                                                  .gid = 1000,
                                                  .user = "ada",
                                                  .home = home_,
                                                  .shell = "/bin/sh"});
    if (!etc) ADD_FAILURE() << etc.error().text();
    return etc.value_or("");
  }
};

TEST_F(HostEtc, HoldsWhatDebiansChromiumIsStartedWithWithoutItsKeys) {
  file("etc/chromium.d/default-flags", "f");
  file("etc/chromium.d/apikeys", "k");
  std::string etc = assemble();
  EXPECT_EQ(*base::read_file(etc + "/chromium.d/default-flags"), "f");
  EXPECT_FALSE(base::path_exists(etc + "/chromium.d/apikeys"));
}

TEST_F(HostEtc, HoldsNoSecretsAndItsOwnUsers) {
  file("etc/ssl/certs/ca-certificates.crt", "ca");
  file("etc/ssl/private/host.pem", "key");
  file("etc/ssl/certs/server.key", "key");
  file("etc/shadow", "s");
  file("etc/gitconfig", "s");
  file("etc/ssh/ssh_host_rsa_key", "s");
  file("etc/profile.d/corporate.sh", "s", 0640);
  file("etc/passwd", "eve:x:1001:1001::/:/bin/sh\n");
  file("etc/ld.so.cache", "c");
  link("etc/alternatives/vi", "/usr/bin/vim.tiny");
  std::string etc = assemble();
  EXPECT_EQ(*base::read_file(etc + "/ssl/certs/ca-certificates.crt"), "ca");
  EXPECT_TRUE(base::path_exists(etc + "/ld.so.cache"));
  EXPECT_EQ(std::filesystem::read_symlink(etc + "/alternatives/vi"), "/usr/bin/vim.tiny");
  for (const char* absent :
       {"ssl/private", "ssl/certs/server.key", "shadow", "gitconfig", "ssh", "profile.d/corporate.sh"})
    EXPECT_FALSE(base::path_exists(etc + "/" + absent)) << absent;
  EXPECT_EQ(*base::read_file(etc + "/passwd"),
            "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:ada:" + home_ +
                ":/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
  EXPECT_EQ(std::filesystem::read_symlink(etc + "/hosts"), "/.sandbox/hosts");
}

TEST_F(HostEtc, IsAssembledAgainOnlyWhenTheHostsChanges) {
  file("etc/services", "a");
  std::string first = assemble();
  EXPECT_EQ(assemble(), first);
  file("etc/protocols", "b");
  std::string second = assemble();
  EXPECT_NE(second, first);
  EXPECT_TRUE(base::path_exists(second + "/protocols"));
  EXPECT_TRUE(base::path_exists(first + "/services")) << "a running sandbox still shows it";
}

}  // namespace
}  // namespace hv::images
