#include "images/agent_profile.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "core/egress_text.h"

namespace hv::images {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST(ShippedAgents, AllParseAndHaveRoomToRun) {
  AgentCatalog catalog("/nonexistent");
  EXPECT_EQ(shipped_agents().names().size(), 9u);
  for (const std::string& name : shipped_agents().names()) {
    base::Result<AgentProfile> profile = catalog.load(name);
    ASSERT_TRUE(profile) << profile.error().text();
    EXPECT_FALSE(profile->commands.empty()) << name;
    EXPECT_FALSE(profile->description.empty()) << name;
    if (name == "shell") continue;
    EXPECT_GE(profile->memory_floor, uint64_t{1} << 30) << name;
    EXPECT_FALSE(profile->login.empty()) << name;
    EXPECT_FALSE(profile->pass.empty()) << name;
  }
}

// A wildcard or an open port would be a way out that nobody chose; what reports usage is none of the agent's needs.
TEST(ShippedAgents, NameTheHostsOfTheirProvidersAndNoOthers) {
  AgentCatalog catalog("/nonexistent");
  for (const std::string& name : shipped_agents().names()) {
    std::vector<std::string> hosts = catalog.load(name)->hosts;
    EXPECT_EQ(hosts.empty(), name == "shell") << name;
    for (const std::string& text : hosts) {
      core::EgressRule rule = *core::parse_rule(text);
      EXPECT_EQ(rule.host.kind, core::HostPattern::Kind::exact) << name << ": " << text;
      EXPECT_TRUE(rule.ports.empty()) << name << ": " << text;
      for (const char* reporter :
           {"statsig", "sentry", "telemetry", "posthog", "datadog", "segment", "play.googleapis"})
        EXPECT_THAT(text, testing::Not(HasSubstr(reporter))) << name;
    }
  }
}

TEST(AgentProfile, RefusesWhatIsNoHost) {
  base::Result<AgentProfile> profile =
      parse_agent("version = 1\n[network]\nhosts = ['api.example.org', 'https://example.org']\n", "a.toml");
  ASSERT_FALSE(profile);
  EXPECT_EQ(
      profile.error().message(),
      "a.toml:3:29: network.hosts[1]: 'https://example.org': this is a URL; expected a host, such as example.org or "
      "example.org:443");
}

TEST(AgentCatalog, FindsAProfileByTheCommandsBaseName) {
  AgentCatalog catalog("/nonexistent");
  EXPECT_EQ(catalog.find("/home/u/.local/bin/claude")->name, "claude");
  EXPECT_EQ(catalog.find("pi")->name, "pi");
  EXPECT_EQ(catalog.find("make")->name, "shell");
  EXPECT_TRUE(catalog.find("codex")->sandboxes_commands);
}

TEST(AgentProfile, RefusesToCopyALogin) {
  base::Result<AgentProfile> profile = parse_agent(
      "version = 1\n[home]\ncopy = ['.codex/auth.json', '.ssh', '.config/x/oauth_token', '.codex/config.toml']\n",
      "a.toml");
  ASSERT_FALSE(profile);
  EXPECT_THAT(profile.error().message(),
              HasSubstr("a.toml:3:9: home.copy[0]: expected configuration; this holds a login"));
  EXPECT_THAT(profile.error().message(), HasSubstr("home.copy[1]"));
  EXPECT_THAT(profile.error().message(), HasSubstr("home.copy[2]"));
  EXPECT_THAT(profile.error().message(), testing::Not(HasSubstr("home.copy[3]")));
}

TEST(AgentProfile, RefusesPathsThatLeaveTheHome) {
  EXPECT_FALSE(parse_agent("version = 1\n[home]\ncopy = ['/etc/passwd']\n", "a"));
  EXPECT_FALSE(parse_agent("version = 1\n[home]\nlogin = ['../x']\n", "a"));
  EXPECT_EQ(parse_agent("version = 1\n[home]\ncopy = ['~/.a/b']\n", "a")->copy, std::vector<std::string>{".a/b"});
}

class UserAgents : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hv-agents-XXXXXX";
    directory_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

TEST_F(UserAgents, StandOverTheShippedOnes) {
  ASSERT_TRUE(base::replace_file(directory_ + "/pi.toml", "version = 1\ncommands = ['pi', 'tau']\n"));
  AgentCatalog catalog(directory_);
  EXPECT_EQ(catalog.find("tau")->name, "pi");
  EXPECT_TRUE(catalog.find("pi")->pass.empty());
  EXPECT_EQ(catalog.info("pi")->provenance, core::Provenance::user);
}

TEST_F(UserAgents, OneThatTakesACommandAwayFromAShippedProfileGetsIt) {
  ASSERT_TRUE(base::replace_file(directory_ + "/claude.toml", "version = 1\ncommands = ['claude-beta']\n"));
  EXPECT_EQ(AgentCatalog(directory_).find("claude")->name, "shell");
}

TEST_F(UserAgents, BrokenOnesStopTheSearchAndAreListedWithTheirError) {
  ASSERT_TRUE(base::replace_file(directory_ + "/mine.toml", "version = 1\ncomands = ['x']\n"));
  AgentCatalog catalog(directory_);
  EXPECT_FALSE(catalog.find("x"));
  std::vector<core::AgentInfo> all = *catalog.list();
  EXPECT_THAT(
      all, Contains(testing::Field(&core::AgentInfo::description, HasSubstr("mine.toml:2:1: comands: unknown key"))));
}

}  // namespace
}  // namespace hv::images
