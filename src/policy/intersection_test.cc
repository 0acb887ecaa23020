#include "policy/intersection.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "base/format.h"
#include "core/egress_text.h"
#include "policy/catalog.h"
#include "policy/egress_algebra.h"
#include "policy/judges_test.h"
#include "policy/rules.h"

namespace hv::policy {
namespace {

// Policies and questions drawn from so few words that they meet.
class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  size_t below(size_t count) { return random_() % count; }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::string pick(std::initializer_list<const char*> words) { return *(words.begin() + below(words.size())); }
  template <typename F>
  void some(size_t most, F add) {
    for (size_t count = below(most + 1); count > 0; --count) add();
  }

  std::string path() {
    return pick({"/srv/a", "/srv/a/b", "/srv/*", "/srv/a/*.k", "~/x", "~/x/y", "/usr/bin/**", "/usr/bin/c", "/usr/**/c",
                 "/srv"});
  }
  std::string glob() { return chance(40) ? pick({"*.k", "c", "b", "w/x", "w/**", "?"}) : path(); }
  core::EgressRule rule(core::Verdict verdict) {
    core::EgressRule rule;
    rule.verdict = verdict;
    rule.host = *core::parse_pattern(pick(
        {"*", "a.test", "b.test", "*.test", "*.a.test", "x.a.test", "10.0.0.0/8", "10.1.0.0/16", "1.2.3.4", "@git"}));
    if (chance(60)) rule.ports = *core::parse_ports(pick({"80", "443", "80,443", "1-100", "*", "22"}));
    if (chance(25))
      rule.methods = chance(50) ? std::vector<std::string>{"GET"} : std::vector<std::string>{"GET", "POST"};
    if (chance(25)) rule.path = pick({"/v1", "/v1/x", "/v2", "/"});
    if (verdict != core::Verdict::deny) rule.private_addresses = chance(40);
    rule.origin = "o";
    return rule;
  }
  core::Verdict verdict() { return static_cast<core::Verdict>(below(3)); }
  Policy policy() {
    Policy policy;
    auto limit = [&] { return chance(30) ? 0 : below(5) + 1; };
    policy.limits = {limit(), limit(), static_cast<uint32_t>(limit()), limit(), limit(), limit(), limit(),
                     limit(), limit()};
    policy.workspace = static_cast<core::WorkspaceMode>(below(4));
    // Not in the home: there a grant to read also keeps the sandbox's own files from being written, see the header.
    some(3, [&] {
      if (std::string granted = path(); !granted.starts_with('~')) policy.read.push_back(granted);
    });
    some(3, [&] { policy.write.push_back(path()); });
    some(2, [&] { policy.hide.push_back(glob()); });
    policy.nested_sandboxes = chance(50);
    if (chance(60)) policy.exec.fallback = core::Verdict::deny;
    some(4, [&] { policy.exec.allow.push_back(glob()); });
    some(2, [&] { policy.exec.deny.push_back(glob()); });
    some(2, [&] { policy.denied_calls.push_back(pick({"ptrace", "mlock", "chroot"})); });
    some(3, [&] { policy.pass.push_back(pick({"A", "A_TOKEN", "A_*", "B", "A_B*"})); });
    some(2, [&] {
      policy.time.hours.push_back(pick({"mon-fri 08:00-18:00", "20:00-06:00", "sat 00:00-24:00", "never"}));
    });
    if (chance(20)) policy.time.not_after = pick({"2026-11-26", "2026-12-31"});
    if (chance(10)) policy.time.zone = "Asia/Tokyo";
    if (chance(20)) policy.egress.fallback = verdict();
    some(5, [&] { policy.egress.rules.push_back(rule(verdict())); });
    some(2, [&] { policy.egress.host_services.push_back(static_cast<uint16_t>(80 + below(2))); });
    return policy;
  }
  Question question() {
    using Kind = Question::Kind;
    Question question;
    question.kind = static_cast<Kind>(below(8));
    switch (question.kind) {
      case Kind::read:
      case Kind::write:
      case Kind::exec:
        question.subject = pick({"/srv/a", "/srv/a/b", "/srv/a/b/c", "/srv/z", "/srv/a/q.k", "~/x", "~/x/y", "~/x/z",
                                 "/usr/bin/c", "/usr/bin/d", "/usr/lib/c", "/srv/w/x", "/srv/b", "/srv/q.k", "/tmp/c"});
        if (question.subject.starts_with('~')) question.subject = "/home/me" + question.subject.substr(1);
        break;
      case Kind::connect:
        question.subject = pick({"a.test", "b.test", "x.a.test", "y.x.a.test", "host.hydravisor", ""});
        question.address =
            question.subject.empty() || chance(30) ? pick({"10.0.0.1", "10.1.2.3", "1.2.3.4", "8.8.8.8"}) : "";
        if (question.subject == "host.hydravisor") question.address = "";
        question.port =
            static_cast<uint16_t>(*std::vector<int>{22, 80, 81, 443}.begin() + static_cast<int>(below(2)) * 58);
        if (chance(30)) question.port = 443;
        if (chance(30)) {
          question.method = pick({"GET", "POST", "PUT"});
          question.path = pick({"/", "/v1", "/v1/x/y", "/v2", "/v10"});
        }
        break;
      case Kind::call:
        question.subject = pick({"ptrace", "mlock", "chroot"});
        break;
      case Kind::variable:
        question.subject = pick({"A", "A_TOKEN", "A_X", "B", "A_B", "A_B_TOKEN"});
        break;
      case Kind::start:
        question.subject = pick({"2026-11-25T09:00", "2026-11-25T21:00", "2026-11-28T09:00", "2027-02-01T09:00"});
        break;
      case Kind::limit:
        question.subject = pick({"memory", "pids", "cpus", "io", "open_files", "disk", "tmp", "wall", "idle"});
        question.amount = below(6);
        break;
    }
    return question;
  }

 private:
  std::mt19937 random_;
};

TEST(Intersection, RecordsWhatEitherWantsRecordedAndKeepsNoCredentialOfEither) {
  Policy a = *parse(
      "version = 1\n[audit]\narguments = \"program\"\nfiles = \"none\"\nkeep_payloads = \"1d\"\nredact_names = "
      "[\"ACME_*\"]\n",
      "a.toml");
  Policy b = *parse(
      "version = 1\n[audit]\nfiles = \"none\"\nrequests = \"host\"\nredact_patterns = [\"acme-[0-9]{8}\"]\n", "b.toml");
  for (const Policy& both : {intersect(a, b), intersect(b, a)}) {
    EXPECT_TRUE(both.audit.arguments);
    EXPECT_FALSE(both.audit.files);
    EXPECT_EQ(both.audit.keep_payloads_millis, 86'400'000u);
    EXPECT_TRUE(both.audit.request_paths);
    EXPECT_EQ(both.audit.redact_names, std::vector<std::string>{"ACME_*"});
    EXPECT_EQ(both.audit.redact_patterns, std::vector<std::string>{"acme-[0-9]{8}"});
    EXPECT_EQ(both.origin("audit.arguments"), nullptr);
  }
}

TEST(Intersection, HasTheRulesOfBehaviorOfBoth) {
  auto rule = [](const char* name, const char* more_than) {
    return base::format(
        "[[behavior.rules]]\nname = \"{}\"\nwhen = {{kind = \"exec.started\"}}\nmore_than = {}\nin = \"1s\"\n", name,
        more_than);
  };
  Policy a = *parse("version = 1\n" + rule("a", "1") + rule("b", "1"), "a.toml");
  Policy b = *parse("version = 1\n" + rule("a", "2") + rule("b", "1"), "b.toml");
  Policy both = intersect(a, b);
  std::string names;
  for (const core::BehaviorRule& each : both.behavior) names += base::format("{}={} ", each.name, each.limit);
  EXPECT_EQ(names, "a=1 b=1 a-2=2 ");
  EXPECT_TRUE(parse(to_toml(both), "again.toml"));
}

Evaluator evaluator(Policy policy) {
  return Evaluator(std::move(policy), {"/home/me", "/work", core::Tier::process, {}}, test_judges());
}

std::string show(const Question& question) {
  return std::string(core::name_of(question.kind)) + " " + question.subject + " " + question.address + ":" +
         std::to_string(question.port) + " " + question.method + question.path + " " + std::to_string(question.amount);
}

TEST(Intersection, NeverAllowsWhatOneOfTheTwoDenies) {
  size_t allowed = 0;
  for (unsigned seed = 1; seed <= 400; ++seed) {
    Dice dice(seed);
    Policy a = dice.policy();
    Policy b = dice.policy();
    Policy both = intersect(a, b);
    Evaluator of_a = evaluator(a);
    Evaluator of_b = evaluator(b);
    Evaluator of_both = evaluator(both);
    EXPECT_LE(both.nested_sandboxes, a.nested_sandboxes && b.nested_sandboxes);
    EXPECT_LE(both.agent_hosts, a.agent_hosts && b.agent_hosts);
    for (int i = 0; i < 200; ++i) {
      Question question = dice.question();
      core::Verdict least = std::max(of_a.evaluate(question).verdict, of_b.evaluate(question).verdict);
      core::Verdict is = of_both.evaluate(question).verdict;
      ASSERT_GE(is, least) << "seed " << seed << ": " << show(question) << "\n"
                           << list_rules(a) << "---\n"
                           << list_rules(b) << "---\n"
                           << list_rules(both);
      allowed += is == core::Verdict::allow ? 1 : 0;
    }
  }
  EXPECT_GT(allowed, 5000u) << "it is not simply everything that is denied";
}

TEST(Intersection, OfAPolicyWithItselfIsThePolicy) {
  Catalog catalog("/nonexistent");
  for (const std::string& name : shipped_policies().names()) {
    Policy policy = *catalog.load(name);
    Evaluator once = evaluator(policy);
    Evaluator twice = evaluator(intersect(policy, policy));
    Dice dice(7);
    for (int i = 0; i < 2000; ++i) {
      Question question = dice.question();
      EXPECT_EQ(once.evaluate(question).verdict, twice.evaluate(question).verdict) << name << ": " << show(question);
    }
  }
}

TEST(Intersection, IsWhatTwoNamesWithAPlusMean) {
  Catalog catalog("/nonexistent");
  Policy both = *catalog.load("research+restricted");
  EXPECT_EQ(both.name, "research+restricted");
  EXPECT_EQ(both.workspace, core::WorkspaceMode::ro);
  EXPECT_FALSE(core::opens_network(both.egress));
  EXPECT_EQ(both.origin("filesystem.workspace")->policy, "research");
  EXPECT_FALSE(catalog.load("research+nothing"));
  EXPECT_FALSE(catalog.load("+"));
  EXPECT_FALSE(catalog.load("a+a+a+a+a+a+a+a+a"));
}

TEST(Denials, NeverAllowMoreWhenAnotherIsAdded) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    Dice dice(seed);
    Policy policy = dice.policy();
    Policy more = policy;
    switch (dice.below(4)) {
      case 0:
        more.hide.push_back(dice.glob());
        break;
      case 1:
        more.exec.deny.push_back(dice.glob());
        break;
      case 2:
        more.denied_calls.emplace_back("ptrace");
        break;
      default:
        more.egress.rules.push_back(dice.rule(core::Verdict::deny));
    }
    Evaluator before = evaluator(policy);
    Evaluator after = evaluator(more);
    for (int i = 0; i < 100; ++i) {
      Question question = dice.question();
      ASSERT_GE(after.evaluate(question).verdict, before.evaluate(question).verdict)
          << "seed " << seed << ": " << show(question);
    }
  }
}

// Where two rules cannot meet, a denial by the one takes nothing from what the other allows.
TEST(EgressAlgebra, AgreesWithTheGatewayOnWhichRulesMeet) {
  size_t apart = 0;
  for (unsigned seed = 1; seed <= 4000; ++seed) {
    Dice dice(seed);
    core::EgressRule denial = dice.rule(core::Verdict::deny);
    core::EgressRule open = dice.rule(dice.chance(50) ? core::Verdict::allow : core::Verdict::ask);
    if (could_meet(denial, open)) continue;
    ++apart;
    Policy alone, both;
    alone.egress.rules = {open};
    both.egress.rules = {open, denial};
    for (int i = 0; i < 60; ++i) {
      Question question = dice.question();
      if (question.kind == Question::Kind::connect)
        EXPECT_EQ(judge_host(both.egress, question).verdict, judge_host(alone.egress, question).verdict)
            << core::to_text(denial) << " and " << core::to_text(open) << ": " << show(question);
    }
  }
  EXPECT_GT(apart, 100u);
}

// What `includes` says of rules is what the gateway does.
TEST(EgressAlgebra, AgreesWithTheGatewayOnWhatARuleCovers) {
  size_t included = 0;
  for (unsigned seed = 1; seed <= 4000; ++seed) {
    Dice dice(seed);
    core::EgressRule wide = dice.rule(core::Verdict::allow);
    core::EgressRule narrow = dice.rule(core::Verdict::allow);
    wide.private_addresses = narrow.private_addresses = true;
    if (!includes(wide, narrow)) continue;
    ++included;
    Policy of_wide, of_narrow;
    of_wide.egress.rules = {wide};
    of_narrow.egress.rules = {narrow};
    for (int i = 0; i < 60; ++i) {
      Question question = dice.question();
      if (question.kind != Question::Kind::connect) continue;
      if (judge_host(of_narrow.egress, question).verdict == core::Verdict::allow)
        EXPECT_EQ(judge_host(of_wide.egress, question).verdict, core::Verdict::allow)
            << core::to_text(wide) << " and " << core::to_text(narrow) << ": " << show(question);
    }
  }
  EXPECT_GT(included, 100u);
}

}  // namespace
}  // namespace hv::policy
