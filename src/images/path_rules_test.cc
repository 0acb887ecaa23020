#include "images/path_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "images/fake_host_test.h"
#include "images/inside_view.h"
#include "images/program_loader.h"

namespace hv::images {
namespace {

using core::Mount;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

class PathRulesTest : public FakeHost, public testing::Test {
 protected:
  void SetUp() override {
    show("usr", "/usr");
    show("state/home", "/home/ada");
    show("granted", "/srv/granted");
    Mount bin;
    bin.kind = Mount::Kind::symlink;
    bin.target = "/bin";
    bin.content = "usr/bin";
    mounts_.push_back(bin);
    show("project", "/ws/app");
    mounts_.back().kind = Mount::Kind::overlay;
    around_ = {"/home/ada", "/ws/app", {"/srv/granted"}, {"/usr/bin", "/bin"}};
  }
  void show(const std::string& name, const std::string& target) {
    std::filesystem::create_directories(top_ + "/" + name);
    Mount& mount = mounts_.emplace_back();
    mount.source = top_ + "/" + name;
    mount.target = target;
  }
  std::vector<std::string> covered() {
    std::vector<std::string> targets;
    auto covers = covers_of(rules_, around_, mounts_, search_);
    EXPECT_TRUE(covers) << covers.error().text();
    for (const Mount& mount : *covers) targets.push_back(mount.target);
    return targets;
  }

  std::vector<Mount> mounts_;
  PathSearch search_{InsideView::Bounds{}};
  PathSurroundings around_;
  PathRules rules_;
};

TEST_F(PathRulesTest, HidesANameWhereverTheUsersFilesAre) {
  file("project/.env");
  file("project/deep/down/.env");
  file("project/.envrc");
  file("state/home/.env");
  file("granted/.env/inside");
  file("usr/share/.env");
  rules_.hide = {".env"};
  EXPECT_THAT(covered(), ElementsAre("/home/ada/.env", "/srv/granted/.env", "/ws/app/.env", "/ws/app/deep/down/.env"));
}

TEST_F(PathRulesTest, LooksAtNoMoreThanItMay) {
  for (int i = 0; i < 20; ++i)
    for (int j = 0; j < 20; ++j) file(base::format("project/d{}/e{}/f", i, j));
  InsideView view(mounts_);
  std::vector<core::Glob> patterns{core::Glob::parse("*.pem")->within("/ws/app")};
  EXPECT_TRUE(view.find(patterns, {"/ws/app"}));
  InsideView::Bounds bounds;
  bounds.entries = 821;
  EXPECT_TRUE(view.find(patterns, {"/ws/app"}, bounds)) << "d, e and f, and the mount points";
  InsideView::Bounds few;
  few.entries = 800;
  InsideView::Bounds short_names;
  short_names.bytes = 1000;
  InsideView::Bounds quick;
  quick.time = std::chrono::milliseconds(-1);
  for (const InsideView::Bounds& each : {few, short_names, quick}) {
    auto found = view.find(patterns, {"/ws/app"}, each);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code(), base::ErrorCode::unavailable);
    EXPECT_THAT(found.error().message(), testing::HasSubstr("too much to look through below /ws/app"));
  }
}

TEST_F(PathRulesTest, PutsOffWhatIsMoreThanALittleUntilItIsAnswered) {
  file("project/a/.env");
  for (int i = 0; i < 100; ++i) file(base::format("project/d/{}", i));
  rules_.hide = {".env"};
  InsideView::Bounds little;
  little.entries = 50;
  PathSearch search(little);
  auto covers = covers_of(rules_, around_, mounts_, search);
  ASSERT_FALSE(covers);
  EXPECT_TRUE(search.waits());
  search.answer();
  EXPECT_FALSE(search.waits());
  covers = covers_of(rules_, around_, mounts_, search);
  ASSERT_TRUE(covers) << covers.error().text();
  EXPECT_EQ(covers->at(0).target, "/ws/app/a/.env");
  // The answer is to that question alone.
  rules_.hide = {".env", "other"};
  EXPECT_FALSE(covers_of(rules_, around_, mounts_, search));
  EXPECT_TRUE(search.waits());
  search.answer();
  EXPECT_TRUE(covers_of(rules_, around_, mounts_, search));
  // What is small enough is looked through at once.
  std::filesystem::remove_all(top_ + "/project/d");
  PathSearch another(little);
  EXPECT_TRUE(covers_of(rules_, around_, mounts_, another));
  EXPECT_FALSE(another.waits());
}

TEST_F(PathRulesTest, HidesPlacesInTheWorkspaceTheHomeAndTheSystem) {
  file("project/secrets/a.pem");
  file("project/secrets/sub/b.pem");
  file("project/other/c.pem");
  file("state/home/.aws/credentials");
  file("usr/share/keys/k");
  rules_.hide = {"secrets/**", "~/.aws", "/usr/share/k*", "nothing/here", "/nowhere/x"};
  EXPECT_THAT(covered(), ElementsAre("/home/ada/.aws", "/usr/share/keys", "/ws/app/secrets"));
  rules_.hide = {"secrets/*.pem"};
  EXPECT_THAT(covered(), ElementsAre("/ws/app/secrets/a.pem"));
}

TEST_F(PathRulesTest, HidesWhatALinkLeadsToAndNotWhatLiesOutside) {
  file("project/config/real");
  link("project/.env", "config/real");
  link("project/out/.env", "/etc/passwd");
  link("project/loop/.env", ".env");
  rules_.hide = {".env"};
  EXPECT_THAT(covered(), ElementsAre("/ws/app/config/real"));
}

TEST_F(PathRulesTest, RefusesToHideTheWholeWorkspace) {
  rules_.hide = {"/ws/*"};
  EXPECT_FALSE(covers_of(rules_, around_, mounts_, search_));
}

TEST_F(PathRulesTest, CoversTheProgramBehindEveryNameOfIt) {
  program("usr/bin/curl");
  program("usr/bin/vim.basic");
  link("usr/bin/vi", "/usr/bin/vim.basic");
  program("usr/bin/nc");
  rules_.exec_deny = {"vi", "/bin/curl", "/usr/bin/n?"};
  EXPECT_THAT(covered(), ElementsAre("/usr/bin/curl", "/usr/bin/nc", "/usr/bin/vim.basic"));
}

TEST_F(PathRulesTest, AllowsAProgramWithWhatTheKernelStartsItBy) {
  program("usr/bin/env");
  program("usr/bin/python3.11");
  link("usr/bin/python3", "python3.11");
  program("usr/bin/script", "#!/usr/bin/python3\n");
  program("usr/bin/other");
  program("project/tool");
  rules_.restrict_exec = true;
  rules_.exec_allow = {"script"};
  auto allowed = executables_of(rules_, around_, mounts_, search_);
  ASSERT_TRUE(allowed);
  EXPECT_THAT(*allowed, ElementsAre("/run/hydravisor/probe", "/usr/bin/python3.11", "/usr/bin/script"));
  rules_.exec_allow = {"/bin/**", "scripts/**"};
  std::filesystem::create_directories(top_ + "/project/scripts");
  EXPECT_THAT(*executables_of(rules_, around_, mounts_, search_),
              ElementsAre("/run/hydravisor/probe", "/usr/bin", "/ws/app/scripts"));
}

TEST_F(PathRulesTest, GrantsWhatAPatternNamesOnThisMachine) {
  file("models/a.bin");
  file("models/b.bin");
  file("models/c.txt");
  EXPECT_THAT(*expand_grant(top_ + "/models/*.bin"), ElementsAre(top_ + "/models/a.bin", top_ + "/models/b.bin"));
  EXPECT_THAT(*expand_grant(top_ + "/models"), ElementsAre(top_ + "/models"));
  EXPECT_THAT(*expand_grant(top_ + "/models/*.none"), ElementsAre());
  file("odd/a*");
  EXPECT_THAT(*expand_grant(top_ + "/odd/a*"), ElementsAre(top_ + "/odd/a*"));
}

TEST(ProgramLoader, IsTheOneThatTheFileNames) {
  EXPECT_THAT(loader_of("/bin/ls"), testing::HasSubstr("/ld-"));
  EXPECT_EQ(loader_of("/etc/passwd"), "");
  EXPECT_EQ(loader_of("/nonexistent"), "");
}

}  // namespace
}  // namespace hv::images
