#include "access/decide.h"

#include <random>

#include <gtest/gtest.h>

#include "base/format.h"

namespace hv::access {
namespace {

using base::format;

enum class Says { nothing, allow, deny, both };
constexpr Says kAll[] = {Says::nothing, Says::allow, Says::deny, Says::both};

std::string lists(Says says) {
  std::string text;
  if (says == Says::allow || says == Says::both) text += "allow = [\"exec\"]\n";
  if (says == Says::deny || says == Says::both) text += "deny = [\"exec\"]\n";
  return text;
}

// Every cell of the matrix, for each way in which either scope can say it.
TEST(Decide, HoldsInEveryCellOfTheMatrix) {
  const std::string condition = "sandboxes = [\"web\"]\n";
  const std::string ways_of_mine[] = {"[roles.r]\n{}", "[[grants]]\nrole = \"r\"\n{}",
                                      "[[grants]]\nprincipal = \"agent:ci\"\n{}",
                                      "[[grants]]\nprincipal = \"agent:ci\"\n" + condition + "{}"};
  const std::string ways_of_its[] = {"[[sandboxes]]\n" + condition + "{}", "[[sandboxes]]\nlabels = [\"team=web\"]\n{}",
                                     "[[sandboxes]]\nagents = [\"claude\"]\nprincipals = [\"agent:ci\"]\n{}",
                                     "[[sandboxes]]\nsandboxes = [\"w*\"]\nprincipals = [\"role:r\"]\n{}"};
  auto fill = [](std::string way, Says says) {
    // The lists of a role may be empty; a grant that says nothing is not written.
    if (says == Says::nothing) return std::string();
    return way.replace(way.find("{}"), 2, lists(says));
  };
  Resource web{"web", "claude", {{"team", "web"}}, "user:1000"};
  for (const std::string& mine : ways_of_mine)
    for (const std::string& its : ways_of_its)
      for (Says a : kAll)
        for (Says b : kAll) {
          std::string text = "version = 1\n" + fill(mine, a) + fill(its, b);
          if (text.find("[roles.r]") == std::string::npos) text += "[roles.r]\n";
          text += "[principals.\"agent:ci\"]\nrole = \"r\"\n";
          auto access = parse(text, "a.toml");
          ASSERT_TRUE(access) << access.error().message() << text;
          Judge judge(*std::move(access), 1000);
          Decision decision = judge.decide({*core::Principal::parse("agent:ci"), {}, {}}, core::Action::exec, &web);
          bool denied = a == Says::deny || a == Says::both || b == Says::deny || b == Says::both;
          bool allowed = a == Says::allow || b == Says::allow;
          EXPECT_EQ(decision.allowed, !denied && allowed) << text;
          Scope scope = a == Says::deny || a == Says::both ? Scope::principal
                        : denied                           ? Scope::sandbox
                        : a == Says::allow                 ? Scope::principal
                        : allowed                          ? Scope::sandbox
                                                           : Scope::built_in;
          EXPECT_EQ(decision.scope, scope) << text;
          EXPECT_EQ(decision.place.line != 0, scope != Scope::built_in) << text;
        }
}

TEST(Decide, LetsNoAgentChangeTheRulesWhateverIsSaid) {
  const char* text =
      "version = 1\n[principals.\"agent:ci\"]\nrole = \"trusted\"\n[[grants]]\nrole = \"trusted\"\nallow = [\"*\"]\n"
      "[[grants]]\nprincipal = \"agent:ci\"\nallow = [\"*\"]\n";
  Judge judge(*parse(text, "a.toml"), 1000);
  for (auto [action, name] : core::Names<core::Action>::table) {
    Decision decision = judge.decide({*core::Principal::parse("agent:ci"), {}, {}}, action);
    EXPECT_EQ(decision.allowed, !core::is_above_agents(action)) << name;
    EXPECT_TRUE(judge.decide({core::Principal::user(1000), {}, {}}, action).allowed) << name;
  }
  EXPECT_TRUE(core::is_above_agents(core::Action::policy_write));
  EXPECT_TRUE(core::is_above_agents(core::Action::access_write));
}

// A random file and, from the same numbers, one with a rule more.
class Chance {
 public:
  explicit Chance(unsigned seed) : engine_(seed) {}
  template <size_t N>
  std::string one(const char* const (&of)[N]) {
    return of[engine_() % N];
  }
  bool often() { return engine_() % 3 != 0; }
  std::string rule(bool only_deny) {
    static constexpr const char* kActions[] = {"exec", "*", "sandbox.*", "diff", "apply", "sandbox.read", "*.read"};
    static constexpr const char* kWho[] = {"principal = \"agent:ci\"\n", "role = \"r\"\n", "principal = \"agent:b\"\n",
                                           "role = \"q\"\n"};
    static constexpr const char* kWhom[] = {"", "principals = [\"agent:ci\"]\n", "principals = [\"role:r\"]\n",
                                            "principals = [\"agent:b\", \"role:q\"]\n"};
    static constexpr const char* kWhere[] = {"sandboxes = [\"web\"]\n", "sandboxes = [\"w*\", \"x\"]\n",
                                             "labels = [\"team=web\"]\n", "agents = [\"cl*\"]\n"};
    bool of_sandbox = often();
    std::string text = of_sandbox ? "[[sandboxes]]\n" + one(kWhom) + one(kWhere) : "[[grants]]\n" + one(kWho);
    if (!of_sandbox && often()) text += one(kWhere);
    return text + (only_deny || !often() ? "deny" : "allow") + " = [\"" + one(kActions) + "\"]\n";
  }

 private:
  std::mt19937 engine_;
};

TEST(Decide, NeverAllowsMoreForADenialMore) {
  const std::string head =
      "version = 1\n[roles.r]\nallow = [\"diff\"]\nown = [\"exec\"]\n[roles.q]\nallow = [\"*\"]\n"
      "[principals.\"agent:ci\"]\nrole = \"r\"\n[principals.\"user:1001\"]\nrole = \"q\"\n";
  const Resource things[] = {{"web", "claude", {{"team", "web"}}, "agent:ci"},
                             {"web", "", {}, "user:1000"},
                             {"x", "codex", {{"team", "web"}}, "agent:b"},
                             {"api", "claude", {}, "user:1001"}};
  int allowed = 0;
  int lost = 0;
  for (unsigned seed = 0; seed < 120; ++seed) {
    Chance chance(seed);
    std::string text = head;
    for (int i = 0; i < 5; ++i) text += chance.rule(false);
    auto before = parse(text, "a.toml");
    ASSERT_TRUE(before) << before.error().message() << text;
    auto after = parse(text + chance.rule(true), "a.toml");
    ASSERT_TRUE(after);
    Judge with(*std::move(after), 1000);
    Judge without(*std::move(before), 1000);
    for (const char* who : {"agent:ci", "agent:b", "user:1001", "user:7"})
      for (auto [action, name] : core::Names<core::Action>::table)
        for (const Resource& thing : things) {
          Subject subject{*core::Principal::parse(who), {}, {}};
          bool now = with.decide(subject, action, &thing).allowed;
          bool then = without.decide(subject, action, &thing).allowed;
          allowed += then;
          lost += then && !now;
          ASSERT_FALSE(now && !then) << who << " " << name << " " << thing.name << "\n" << text;
        }
  }
  EXPECT_GT(allowed, 1000);
  EXPECT_GT(lost, 100);
}

// A limit of a token takes away and never gives.
TEST(Decide, NeverAllowsMoreForALimitMore) {
  Judge judge(*parse("version = 1\n[principals.\"agent:ci\"]\nrole = \"sandboxed\"\n", "a.toml"), 1000);
  Resource mine{"web", "", {}, "agent:ci"};
  Subject free{*core::Principal::parse("agent:ci"), {}, {}};
  for (const char* actions : {"*", "exec", "sandbox.*", "policy.write", "apply"})
    for (const char* sandboxes : {"", "*", "web", "api"})
      for (auto [action, name] : core::Names<core::Action>::table)
        for (const Resource* about : {static_cast<const Resource*>(nullptr), static_cast<const Resource*>(&mine)}) {
          Subject limited = free;
          limited.limits = {{"t", {Pattern(actions)}, {}}};
          if (*sandboxes != '\0') limited.limits[0].sandboxes.emplace_back(sandboxes);
          EXPECT_TRUE(!judge.decide(limited, action, about).allowed || judge.decide(free, action, about).allowed)
              << name;
        }
}

}  // namespace
}  // namespace hv::access
