#include "policy/enforcement.h"

#include <filesystem>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/text.h"
#include "policy/keys.h"

namespace hv::policy {
namespace {

// testdata/matrix/*.case: a policy, then for each machine `---- TIER landlock=N limits=A,B` and the lines of
// list_enforcement().
TEST(EnforcementMatrix, EveryCaseHolds) {
  std::set<std::string> seen;
  for (const auto& entry : std::filesystem::directory_iterator(HYDRAVISOR_SOURCE_DIR "/src/policy/testdata/matrix")) {
    SCOPED_TRACE(entry.path().filename().string());
    std::string all = *base::read_file(entry.path().string());
    size_t at = all.find("---- ");
    ASSERT_NE(at, std::string::npos);
    base::Result<Policy> policy = parse(all.substr(0, at), "p.toml");
    ASSERT_TRUE(policy) << policy.error().message();
    while (at != std::string::npos) {
      size_t end = all.find('\n', at);
      size_t next = all.find("---- ", end);
      std::string line = all.substr(at + 5, end - at - 5);
      std::string expected = all.substr(end + 1, next == std::string::npos ? next : next - end - 1);
      at = next;
      SCOPED_TRACE(line);
      std::istringstream words(line);
      std::string word;
      words >> word;
      core::Tier tier = *core::parse_name<core::Tier>(word);
      Machine machine;
      while (words >> word) {
        if (word.starts_with("landlock=")) machine.landlock_abi = std::stoi(word.substr(9));
        if (word.starts_with("limits=")) machine.limits = base::split(word.substr(7), ',');
        if (word.starts_with("lacks=")) machine.lacks[word.substr(6)] = "the reason";
      }
      EXPECT_EQ(list_enforcement(*policy, tier, machine), expected);
      for (const std::string& each : base::split(expected, '\n'))
        if (!each.empty()) seen.insert(std::string(core::name_of(tier)) + " " + each.substr(0, each.find(':')));
    }
  }
  // Every cell is in some case.
  for (auto [tier, name] : core::Names<core::Tier>::table) {
    for (const ValueKey& key : value_keys())
      EXPECT_TRUE(seen.contains(std::string(name) + " " + std::string(key.key))) << name << " " << key.key;
    for (const ListKey& key : list_keys())
      EXPECT_TRUE(seen.contains(std::string(name) + " " + std::string(key.key))) << name << " " << key.key;
    for (std::string_view key : kRuleKeys)
      EXPECT_TRUE(seen.contains(std::string(name) + " " + std::string(key))) << name << " " << key;
    for (std::string_view key : {kHostServices, kVariables, kBehaviorRules})
      EXPECT_TRUE(seen.contains(std::string(name) + " " + std::string(key))) << name << " " << key;
  }
}

TEST(EnforcementMatrix, KnowsWhoKeepsEveryKeyOfTheLanguage) {
  Machine whole{7, {"memory", "pids", "cpu", "io"}, {}};
  for (const std::string& key : degradable_keys()) {
    Enforcement by = enforcement_of(key, Policy{}, core::Tier::process, whole);
    EXPECT_NE(by.keeper, Keeper::impossible) << key;
    EXPECT_FALSE(by.by.empty()) << key;
  }
}

TEST(EnforcementMatrix, StopsAStartForWhatIsSaidAndNotAccepted) {
  Policy policy = *parse(
      "version = 1\n[limits]\nmemory = \"1GiB\"\npids = 9\n[security]\nallow_degraded = [\"limits.pids\"]\n", "p.toml");
  Machine bare;
  bare.lacks["memory"] = "no cgroup is yours";
  std::vector<Unkept> unkept = unkept_of(policy, core::Tier::process, bare);
  ASSERT_EQ(unkept.size(), 2u);
  EXPECT_EQ(unkept[0].key, "limits.memory");
  EXPECT_EQ(unkept[0].why, "no cgroup is yours");
  EXPECT_EQ(unkept[0].place.text(), "p.toml:3");
  EXPECT_FALSE(unkept[0].accepted);
  EXPECT_TRUE(unkept[1].accepted);
  EXPECT_TRUE(unkept_of(policy, core::Tier::process, {7, {"memory", "pids"}, {}}).empty());
  EXPECT_TRUE(unkept_of(Policy{}, core::Tier::process, bare).empty()) << "what nobody limits needs nobody";
}

}  // namespace
}  // namespace hv::policy
