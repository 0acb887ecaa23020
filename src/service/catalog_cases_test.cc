#include "service/catalog_cases.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/remove_tree.h"

namespace hv::service {
namespace {

class Recorded final : public core::Recorder {
 public:
  base::Result<uint64_t> record(const core::Event& event) override {
    if (failing) return base::Failure(base::io_error("disk full"));
    kinds.push_back(event.kind + " by " + event.principal);
    return kinds.size();
  }
  std::vector<std::string> kinds;
  bool failing = false;
};

class CatalogCasesTest : public testing::Test {
 protected:
  CatalogCasesTest() {
    std::string pattern = "/tmp/hv-catalog-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    images::AgentProfile agent;
    agent.name = "claude";
    auto home = images::HomeStore(directory_ + "/homes").open(agent, "/home/u/project", directory_);
    EXPECT_TRUE(home) << home.error().text();
    key_ = home->key;
  }
  ~CatalogCasesTest() override { (void)base::remove_tree(directory_); }

  CatalogCases cases() {
    return CatalogCases(
        {directory_ + "/policies", directory_ + "/agents", directory_ + "/homes"}, [this] { return sandboxes_; },
        recorded_, "user:1000");
  }
  void add(const std::string& name, core::SandboxState state) {
    core::SandboxInfo info;
    info.name = name;
    info.state = state;
    info.home = key_;
    sandboxes_.push_back(info);
  }

  std::string directory_;
  std::string key_;
  std::vector<core::SandboxInfo> sandboxes_;
  Recorded recorded_;
};

TEST_F(CatalogCasesTest, AHomeNamesTheLiveSandboxesThatUseIt) {
  add("web", core::SandboxState::running);
  add("api", core::SandboxState::paused);
  add("old", core::SandboxState::stopped);
  auto homes = cases().homes();
  ASSERT_TRUE(homes && homes->size() == 1);
  EXPECT_EQ(homes->front().sandboxes, (std::vector<std::string>{"api", "web"}));
}

TEST_F(CatalogCasesTest, AHomeInUseStays) {
  add("web", core::SandboxState::running);
  auto refused = cases().remove_home(key_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::ErrorCode::conflict);
  EXPECT_EQ(refused.error().hint(), "stop it first: hydravisor stop web");
  EXPECT_TRUE(base::path_exists(directory_ + "/homes/" + key_));
  EXPECT_TRUE(recorded_.kinds.empty());
}

TEST_F(CatalogCasesTest, RemovingAHomeIsRecordedBeforeAndAfter) {
  add("old", core::SandboxState::stopped);
  ASSERT_TRUE(cases().remove_home(key_));
  EXPECT_FALSE(base::path_exists(directory_ + "/homes/" + key_));
  EXPECT_EQ(recorded_.kinds, (std::vector<std::string>{"home.removing by user:1000", "home.removed by user:1000"}));
}

TEST_F(CatalogCasesTest, NothingIsRemovedThatCannotBeRecorded) {
  recorded_.failing = true;
  EXPECT_FALSE(cases().remove_home(key_));
  EXPECT_TRUE(base::path_exists(directory_ + "/homes/" + key_));
}

TEST_F(CatalogCasesTest, AnUnknownHomeIsNotFound) {
  for (const char* key : {"claude-0", "../policies", "", ".", ".."}) {
    auto unknown = cases().remove_home(key);
    ASSERT_FALSE(unknown) << key;
    EXPECT_EQ(unknown.error().code(), base::ErrorCode::not_found) << key;
  }
  EXPECT_TRUE(recorded_.kinds.empty());
  EXPECT_TRUE(base::path_exists(directory_ + "/homes/" + key_));
}

TEST_F(CatalogCasesTest, ShippedPoliciesAndAgentsAreThere) {
  auto policies = cases().policies();
  ASSERT_TRUE(policies);
  EXPECT_FALSE(policies->empty());
  auto policy = cases().policy("restricted");
  ASSERT_TRUE(policy) << policy.error().text();
  EXPECT_FALSE(policy->text.empty());
  auto agent = cases().agent("shell");
  ASSERT_TRUE(agent) << agent.error().text();
  EXPECT_FALSE(agent->text.empty());
  EXPECT_TRUE(cases().agents());
}

}  // namespace
}  // namespace hv::service
