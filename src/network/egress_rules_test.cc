#include "network/egress_rules.h"

#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "core/egress_text.h"
#include "core/host_name.h"

namespace hv::network {
namespace {

struct World {
  core::EgressPolicy policy;
  std::vector<core::AddressRange> nat64;
};

void read_line(World& world, const std::string& line) {
  std::istringstream words(line);
  std::string first, what, word;
  words >> first >> what;
  if (first == "default") {
    world.policy.fallback = *core::parse_name<core::Verdict>(what);
  } else if (first == "host_services") {
    world.policy.host_services.push_back(static_cast<uint16_t>(std::stoi(what)));
  } else if (first == "nat64") {
    world.nat64.push_back(*core::parse_range(what));
  } else {
    core::EgressRule rule = *core::parse_rule(what);
    rule.verdict = *core::parse_name<core::Verdict>(first);
    while (words >> word) {
      if (word == "private")
        rule.private_addresses = true;
      else if (word == "path")
        words >> rule.path;
      else if (word == "methods" && words >> word)
        rule.methods = base::split(word, ',');
      else
        FAIL() << "no such word: " << word;
    }
    world.policy.rules.push_back(std::move(rule));
  }
}

Target read_target(const std::string& question) {
  std::istringstream words(question);
  std::string word;
  words >> word;
  core::HostPort asked = *core::parse_host_port(word, 0);
  Target target;
  target.name = asked.host.name;
  target.address = asked.host.address;
  target.port = asked.port;
  while (words >> word) {
    if (word == "at") {
      words >> word;
      target.address = *core::parse_address(word);
    } else if (word == "own") {
      target.is_hosts_own = true;
    } else if (word == "hidden") {
      target.sight = Sight::hidden;
    } else {
      target.sight = Sight::seen;
      target.method = word;
      words >> target.path;
    }
  }
  return target;
}

std::string answer(const World& world, const std::string& question) {
  Decision decision = question.starts_with("dns ") ? decide_name(world.policy, question.substr(4))
                                                   : decide(world.policy, read_target(question), world.nat64);
  EXPECT_EQ(decision.reason.empty(), decision.verdict == core::Verdict::allow) << question;
  return base::format("{} {}{}{}", core::name_of(decision.verdict), decision.rule_text,
                      decision.by_request ? " by request" : "",
                      decision.options.empty() ? "" : "; " + decision.options);
}

TEST(EgressCases, EveryCaseHolds) {
  int questions = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HYDRAVISOR_SOURCE_DIR "/src/network/testdata")) {
    if (entry.path().extension() != ".case") continue;
    SCOPED_TRACE(entry.path().filename().string());
    World world;
    bool below = false;
    for (const std::string& line : base::split(*base::read_file(entry.path().string()), '\n')) {
      if (line.empty() || line.starts_with('#')) continue;
      if (line == "----") {
        below = true;
      } else if (!below) {
        read_line(world, line);
      } else {
        size_t arrow = line.find(" => ");
        ASSERT_NE(arrow, std::string::npos) << line;
        EXPECT_EQ(answer(world, line.substr(0, arrow)), line.substr(arrow + 4)) << line;
        ++questions;
      }
    }
    EXPECT_TRUE(below) << "no line ----";
  }
  EXPECT_GE(questions, 100);
}

core::EgressPolicy policy_of(std::initializer_list<const char*> allowed) {
  core::EgressPolicy policy;
  for (const char* text : allowed) policy.rules.push_back(*core::parse_rule(text));
  return policy;
}

TEST(EgressRules, NameTheRuleAndItsOrigin) {
  core::EgressPolicy policy = policy_of({"example.org", "*.example.org"});
  policy.rules[1].verdict = core::Verdict::deny;
  policy.rules[1].origin = "policy mine:7";
  Target target{.name = "a.example.org", .address = {}, .port = 443, .method = {}, .path = {}};
  Decision decision = decide(policy, target);
  EXPECT_EQ(decision.rule, &policy.rules[1]);
  EXPECT_EQ(decision.origin, "policy mine:7");
  EXPECT_EQ(decision.reason, "the rule '*.example.org' (policy mine:7) denies it");
  EXPECT_EQ(decision.command("box"), "");
}

TEST(EgressRules, GiveTheCommandThatAllowsIt) {
  Target target{.name = "example.org", .address = {}, .port = 8443, .method = {}, .path = {}};
  Decision decision = decide({}, target);
  EXPECT_EQ(decision.reason, "no rule allows example.org:8443");
  EXPECT_EQ(decision.command("box"), "hydravisor net box --allow example.org:8443");
  // What the command says is a rule that then allows it.
  core::EgressPolicy policy = policy_of({"example.org:8443"});
  EXPECT_EQ(decide(policy, target).verdict, core::Verdict::allow);
}

TEST(EgressRules, KnowWhatLiesAboveTheNamesTheyOpen) {
  core::EgressPolicy policy = policy_of({"api.example.org", "*.cdn.example"});
  for (const char* above : {"example.org", "org", "cdn.example", "example", "a.cdn.example", "."})
    EXPECT_TRUE(has_names_below(policy, above)) << above;
  for (const char* other : {"api.example.org", "x.api.example.org", "ample.org", "net", "notcdn.example"})
    EXPECT_FALSE(has_names_below(policy, other)) << other;
  policy.rules.front().verdict = core::Verdict::deny;
  EXPECT_FALSE(has_names_below(policy, "example.org"));
  policy.fallback = core::Verdict::allow;
  EXPECT_TRUE(has_names_below(policy, "net"));
}

TEST(EgressRules, OpenTheNetworkOnlyWhenOneAllows) {
  EXPECT_FALSE(core::opens_network({}));
  core::EgressPolicy policy = policy_of({"example.org"});
  EXPECT_TRUE(core::opens_network(policy));
  policy.rules[0].verdict = core::Verdict::deny;
  EXPECT_FALSE(core::opens_network(policy));
  policy.fallback = core::Verdict::ask;
  EXPECT_TRUE(core::opens_network(policy));
}

}  // namespace
}  // namespace hv::network
