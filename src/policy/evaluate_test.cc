#include "policy/evaluate.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "core/egress_text.h"
#include "policy/catalog.h"
#include "policy/extend.h"
#include "policy/judges_test.h"
#include "policy/keys.h"
#include "policy/rules.h"

namespace hv::policy {
namespace {

Surroundings around() {
  Surroundings result;
  result.home = "/home/me";
  result.workspace = "/srv/app";
  result.machine = {7, {"memory", "pids", "cpu", "io"}, {}};
  return result;
}

std::string text_of(const Answer& answer) {
  std::string text = base::format("{} {}", core::name_of(answer.verdict), answer.key);
  if (!answer.rule.empty()) text += " " + answer.rule;
  if (answer.place.line != 0) text += base::format(" ({})", answer.place.text());
  return text;
}

// The lines `QUESTION => VERDICT KEY [RULE] (FILE:LINE)` of a case.
struct Asked {
  std::string question;
  std::string expected;
};
std::vector<Asked> read_questions(const std::string& text) {
  std::vector<Asked> all;
  for (const std::string& line : base::split(text, '\n')) {
    size_t arrow = line.find(" => ");
    if (!line.empty() && line[0] != '#' && arrow != std::string::npos)
      all.push_back({line.substr(0, arrow), line.substr(arrow + 4)});
  }
  return all;
}

std::string ask(const Evaluator& evaluator, const std::string& question) {
  auto parsed = parse_question(base::split(question, ' '));
  return parsed ? text_of(evaluator.evaluate(*parsed)) : "error " + parsed.error().message();
}

// testdata/decisions/*.case: a policy, a line `----`, questions.
TEST(Decisions, EveryCaseHolds) {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(HYDRAVISOR_SOURCE_DIR "/src/policy/testdata/decisions")) {
    SCOPED_TRACE(entry.path().filename().string());
    std::string all = *base::read_file(entry.path().string());
    size_t line = all.find("\n----\n");
    ASSERT_NE(line, std::string::npos);
    base::Result<Policy> policy = parse(all.substr(0, line + 1), "p.toml");
    ASSERT_TRUE(policy) << policy.error().message();
    Evaluator evaluator(*policy, around(), test_judges());
    for (const Asked& asked : read_questions(all.substr(line))) {
      EXPECT_EQ(ask(evaluator, asked.question), asked.expected) << asked.question;
      ++count;
    }
  }
  EXPECT_GE(count, 40);
}

// testdata/standard/NAME.case holds what each standard policy is to answer, and what its settings are.
std::vector<Asked> questions_of(const std::string& name) {
  auto text = base::read_file(HYDRAVISOR_SOURCE_DIR "/src/policy/testdata/standard/" + name + ".case");
  return text ? read_questions(*text) : std::vector<Asked>{};
}

// What a case says of a policy: answers to questions, and `KEY` for a value that no question can ask for.
bool holds(const Policy& policy, const Asked& asked) {
  if (asked.question == "nested") return (policy.nested_sandboxes ? "yes" : "no") == asked.expected;
  if (asked.question == "agent_hosts") return (policy.agent_hosts ? "yes" : "no") == asked.expected;
  if (asked.question == "require_probe") return (policy.require_probe ? "yes" : "no") == asked.expected;
  if (asked.question == "network_default") return core::name_of(policy.egress.fallback) == asked.expected;
  if (asked.question == "workspace") return core::name_of(policy.workspace) == asked.expected;
  if (asked.question == "allow_degraded") return base::join(policy.allow_degraded, " ") == asked.expected;
  // Without places, so that a line more in a file is no failure.
  std::string answer = ask(Evaluator(policy, around(), test_judges()), asked.question);
  return answer.substr(0, answer.find(" (")) == asked.expected;
}

TEST(StandardPolicies, AnswerAsTheirCasesSay) {
  for (const std::string& name : shipped_policies().names()) {
    Policy policy = *Catalog("/nonexistent").load(name);
    std::vector<Asked> questions = questions_of(name);
    EXPECT_GE(questions.size(), 8u) << name;
    for (const Asked& asked : questions)
      EXPECT_TRUE(holds(policy, asked)) << name << ": " << asked.question << " => "
                                        << ask(Evaluator(policy, around(), test_judges()), asked.question);
  }
}

// Every policy that differs from `policy` by one rule.
std::vector<std::pair<std::string, Policy>> mutants_of(const Policy& policy) {
  std::vector<std::pair<std::string, Policy>> all;
  auto mutant = [&](const std::string& what, const std::function<void(Policy&)>& change) {
    Policy other = policy;
    change(other);
    all.emplace_back(what, std::move(other));
  };
  auto limit = [&](const std::string& name, auto core::Limits::* member) {
    if (policy.limits.*member != 0) {
      mutant(name + " doubled", [&](Policy& p) { p.limits.*member *= 2; });
      mutant(name + " halved", [&](Policy& p) { p.limits.*member /= 2; });
      mutant(name + " gone", [&](Policy& p) { p.limits.*member = 0; });
    } else {
      mutant(name + " set", [&](Policy& p) { p.limits.*member = 1; });
    }
  };
  using core::Limits;
  limit("memory", &Limits::memory_bytes);
  limit("pids", &Limits::pids);
  limit("cpus", &Limits::cpu_millis);
  limit("io", &Limits::io_bytes);
  limit("open_files", &Limits::open_files);
  limit("disk", &Limits::disk_bytes);
  limit("tmp", &Limits::tmp_bytes);
  limit("wall", &Limits::wall_millis);
  limit("idle", &Limits::idle_millis);
  for (auto [mode, name] : core::Names<core::WorkspaceMode>::table)
    if (mode != policy.workspace) mutant("workspace " + std::string(name), [&](Policy& p) { p.workspace = mode; });
  mutant("nested", [](Policy& p) { p.nested_sandboxes = !p.nested_sandboxes; });
  mutant("require_probe",
         [](Policy& p) { p.require_probe = p.require_probe ? std::nullopt : std::optional(ProofDemand{}); });
  mutant("agent_hosts", [](Policy& p) { p.agent_hosts = !p.agent_hosts; });
  for (auto [verdict, name] : core::Names<core::Verdict>::table) {
    if (verdict != policy.egress.fallback)
      mutant("network.default " + std::string(name), [&](Policy& p) { p.egress.fallback = verdict; });
    if (verdict != core::Verdict::ask && verdict != policy.exec.fallback)
      mutant("exec.default " + std::string(name), [&](Policy& p) { p.exec.fallback = verdict; });
  }
  for (size_t i = 0; i < policy.egress.rules.size(); ++i) {
    mutant("network rule gone",
           [&](Policy& p) { p.egress.rules.erase(p.egress.rules.begin() + static_cast<ptrdiff_t>(i)); });
    mutant("network rule turned", [&](Policy& p) {
      p.egress.rules[i].verdict =
          p.egress.rules[i].verdict == core::Verdict::deny ? core::Verdict::allow : core::Verdict::deny;
    });
    mutant("network rule on every port", [&](Policy& p) {
      if (p.egress.rules[i].ports == std::vector<core::PortRange>{{0, 65535}})
        p.egress.rules[i].ports = {{443, 443}};
      else
        p.egress.rules[i].ports = {{0, 65535}};
    });
    mutant("network rule private",
           [&](Policy& p) { p.egress.rules[i].private_addresses = !p.egress.rules[i].private_addresses; });
  }
  for (const ListKey& key : list_keys()) {
    for (const std::string& item : items_of(key, policy))
      mutant(std::string(key.key) + " without " + item, [&](Policy& p) { std::erase(key.list(p), item); });
    if (key.key == "security.allow_degraded")
      mutant("everything degraded", [&](Policy& p) { p.allow_degraded = degradable_keys(); });
  }
  return all;
}

TEST(StandardPolicies, HaveACaseAgainstEveryRuleThatIsFlipped) {
  size_t count = 0;
  for (const std::string& name : shipped_policies().names()) {
    Policy policy = *Catalog("/nonexistent").load(name);
    std::vector<Asked> questions = questions_of(name);
    for (const auto& [what, mutant] : mutants_of(policy)) {
      ++count;
      bool is_caught = std::ranges::any_of(questions, [&](const Asked& asked) { return !holds(mutant, asked); });
      EXPECT_TRUE(is_caught) << name << ": no case fails with: " << what;
    }
  }
  EXPECT_GE(count, 100u);
}

TEST(Decisions, AnswerThousandsOfRulesInMicroseconds) {
  std::string text = "version = 1\n[filesystem]\nhide = [";
  for (int i = 0; i < 250; ++i) text += base::format("\"*.x{}\", \"/srv/a{}*/key\", ", i, i);
  text += "]\nread = [";
  for (int i = 0; i < 250; ++i) text += base::format("\"/data/d{}\", ", i);
  text += "]\n[network]\nallow = [";
  for (int i = 0; i < 250; ++i) text += base::format("\"host{}.example.org\", ", i);
  text += "]\n";
  auto began = std::chrono::steady_clock::now();
  base::Result<Policy> policy = resolve({"many", "many.toml", text}, [](std::string_view) -> base::Result<Source> {
    return base::Failure(base::not_found("none"));
  });
  auto parsed = std::chrono::steady_clock::now() - began;
  ASSERT_TRUE(policy) << policy.error().message();
  Evaluator evaluator(*policy, around(), test_judges());
  std::vector<Question> questions;
  for (const char* line : {"read /srv/app/src/deep/file.cc", "read /data/d249/x", "connect host249.example.org:443",
                           "connect none.example.org:443"})
    questions.push_back(*parse_question(base::split(line, ' ')));
  // bench/policy_bench.cc measures; this only sees a change of order, also on a busy machine and with sanitizers.
  began = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i)
    for (const Question& question : questions) (void)evaluator.evaluate(question);
  auto each = (std::chrono::steady_clock::now() - began) / 400;
  EXPECT_LT(each, std::chrono::milliseconds(2));
  EXPECT_LT(parsed, std::chrono::seconds(1));
}

}  // namespace
}  // namespace hv::policy
