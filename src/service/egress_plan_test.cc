#include "service/egress_plan.h"

#include <gtest/gtest.h>

#include "core/egress_text.h"

namespace hv::service {
namespace {

base::Result<std::vector<core::EgressRule>> no_groups(std::string_view) {
  return std::vector<core::EgressRule>{};
}

policy::Policy policy_of(std::string_view network) {
  return *policy::parse("version = 1\nname = \"p\"\n[network]\n" + std::string(network), "p.toml");
}

std::string refused(const policy::Policy& policy, const core::RunRequest& request) {
  base::Result<EgressPlan> plan = plan_egress(policy, {}, request, no_groups);
  return plan ? "accepted" : plan.error().text();
}

TEST(EgressPlan, OpensNothingWhenNothingAsks) {
  core::RunRequest request;
  request.host_ports = {5432, 80};
  base::Result<EgressPlan> plan =
      plan_egress(policy_of("host_services = [80, 22]\ndeny = [\"*\"]"), {}, request, no_groups);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_FALSE(core::opens_network(plan->policy));
  EXPECT_EQ(plan->policy.host_services, (std::vector<uint16_t>{22, 80, 5432}));
}

TEST(EgressPlan, AllowsTheHostsOfTheAgentUnlessThePolicyLeavesThemOut) {
  images::AgentProfile agent;
  agent.name = "a";
  agent.hosts = {"api.example.org"};
  base::Result<EgressPlan> plan = plan_egress(policy_of(""), agent, {}, no_groups);
  ASSERT_TRUE(plan) << plan.error().text();
  ASSERT_EQ(plan->policy.rules.size(), 1u);
  EXPECT_EQ(core::to_text(plan->policy.rules[0]), "api.example.org");
  EXPECT_EQ(plan->policy.rules[0].origin, "agent a");
  policy::Policy without = policy_of("");
  without.agent_hosts = false;
  EXPECT_FALSE(core::opens_network(plan_egress(without, agent, {}, no_groups)->policy));
}

TEST(EgressPlan, NoneIsNoneWhateverThePolicySays) {
  core::RunRequest request;
  request.network = core::NetworkMode::none;
  request.host_ports = {22};
  base::Result<EgressPlan> plan =
      plan_egress(policy_of("default = \"allow\"\nallow = [\"example.org\", \"10.0.0.1\"]"), {}, request, no_groups);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(core::opens_network(plan->policy));
  EXPECT_EQ(plan->policy.host_services, (std::vector<uint16_t>{22}));
}

TEST(EgressPlan, RefusesRulesThatCouldLetNothingThrough) {
  core::RunRequest request;
  EXPECT_EQ(
      refused(policy_of("allow = [\"10.0.0.1:5432\"]"), request),
      "'10.0.0.1' (policy p:4) is a private address, so the rule would let nothing through (say that it is meant: "
      "private = true in the policy, or --allow-private)");
  EXPECT_EQ(
      refused(policy_of("allow = [\"127.0.0.1:5432\"]"), request),
      "'127.0.0.1' (policy p:4) is a loopback address, which is the sandbox's own inside (to reach a service of the "
      "host: --host-port PORT)");
  EXPECT_EQ(refused(policy_of("allow = [{host = \"224.0.0.0/4\", private = true}]"), request),
            "'224.0.0.0/4' (policy p:4) is a multicast address, which is no host");
  for (const char* range : {"192.168.0.0/16", "fc00::/7", "169.254.169.254", "203.0.113.0/24", "::ffff:0:0/104"})
    EXPECT_NE(refused(policy_of("allow = [\"" + std::string(range) + "\"]"), request).find("is a "), std::string::npos)
        << range;
  // A range with public parts lets those through; a denial needs no consent.
  EXPECT_EQ(refused(policy_of("allow = [\"0.0.0.0/0\"]"), request), "accepted");
  EXPECT_EQ(refused(policy_of("deny = [\"10.0.0.0/8\"]"), request), "accepted");
}

TEST(EgressPlan, ReplacesGroupsByWhatTheyStandFor) {
  auto groups = [](std::string_view group) -> base::Result<std::vector<core::EgressRule>> {
    if (group == "npm") return base::Failure(base::invalid_argument("~/.npmrc: not readable"));
    if (group == "apt") return std::vector<core::EgressRule>{};
    core::EgressRule rule = *core::parse_rule("git.example.org:22");
    rule.origin = "/p/.git/config:4";
    return std::vector{rule};
  };
  base::Result<EgressPlan> plan = plan_egress(policy_of("deny = [\"@git\", \"@apt\"]"), {}, {}, groups);
  ASSERT_TRUE(plan) << plan.error().text();
  ASSERT_EQ(plan->policy.rules.size(), 1u);
  EXPECT_EQ(core::to_text(plan->policy.rules[0]), "git.example.org:22");
  EXPECT_EQ(plan->policy.rules[0].verdict, core::Verdict::deny);
  EXPECT_EQ(plan->policy.rules[0].origin, "policy p:4: @git from /p/.git/config:4");
  EXPECT_EQ(plan->notes,
            (std::vector<std::string>{"@apt (policy p:4) stands for nothing here: no configuration names a server"}));
  EXPECT_EQ(plan_egress(policy_of("deny = [\"@npm\"]"), {}, {}, groups).error().message(),
            "@npm: ~/.npmrc: not readable");
}

TEST(EgressPlan, TakesTheHostsOwnProxyFromTheCaller) {
  EXPECT_EQ(proxy_variables({{"PATH", "/bin"}, {"https_proxy", "http://p:1"}, {"NO_PROXY", "corp.example"}}),
            (std::vector<std::string>{"https_proxy=http://p:1", "NO_PROXY=corp.example"}));
  EXPECT_EQ(proxy_variables({{"HTTP_PROXY", "http://p:1"}}), (std::vector<std::string>{"HTTP_PROXY=http://p:1"}));
}

TEST(EgressPlan, TakesNoProxyFromTheClientsOfAWebServer) {
  EXPECT_EQ(proxy_variables({{"HTTP_PROXY", "http://evil:1"}, {"REQUEST_METHOD", "GET"}, {"http_proxy", "http://p:1"}}),
            (std::vector<std::string>{"http_proxy=http://p:1"}));
}

}  // namespace
}  // namespace hv::service
