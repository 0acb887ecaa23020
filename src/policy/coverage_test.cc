// What the cases in testdata/ cover, held against the language itself: a key, a value, a production of the grammar or a
// cell of a matrix without a case fails here.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "core/glob.h"
#include "policy/evaluate.h"
#include "policy/extend.h"
#include "policy/intersection.h"
#include "policy/judges_test.h"
#include "policy/keys.h"

namespace hv::policy {
namespace {

constexpr std::string_view kData = HYDRAVISOR_SOURCE_DIR "/src/policy/testdata";

std::vector<std::string> read_cases(const std::string& directory) {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".case") all.push_back(*base::read_file(entry.path().string()));
  return all;
}

// The files of all cases that a policy comes of, and what the others say is wrong with theirs.
struct Corpus {
  std::vector<std::string> accepted;
  std::vector<Policy> policies;
  std::string faults;
};

void add_case(Corpus& corpus, const std::string& text) {
  std::vector<std::string> files(1);
  std::string kind;
  for (const std::string& line : base::split(text, '\n')) {
    if (line.starts_with("---- file "))
      files.emplace_back();
    else if (line.starts_with("---- expect "))
      kind = line.substr(12);
    else if (kind.empty())
      files.back() += line + "\n";
    else if (kind == "error")
      corpus.faults += line + "\n";
  }
  if (kind == "error") return;
  for (std::string& file : files) {
    base::Result<Policy> policy = parse(file, "p.toml");
    ASSERT_TRUE(policy) << policy.error().message();
    corpus.policies.push_back(*std::move(policy));
    corpus.accepted.push_back(std::move(file));
  }
}

const Corpus& corpus() {
  static const Corpus read = [] {
    Corpus all;
    for (const std::string& text : read_cases(std::string(kData))) add_case(all, text);
    return all;
  }();
  return read;
}

bool is_refused_somewhere(const std::string& key) {
  std::string text = key;
  for (size_t dot = text.find('.'); dot != std::string::npos; dot = text.find('.', dot + 2))
    text.replace(dot, 1, "\\.");
  return std::regex_search(corpus().faults, std::regex(": " + text + "(\\[[0-9]+\\])?(\\.[A-Za-z0-9_]+)?: "));
}

bool any_policy(const std::function<bool(const Policy&)>& test) {
  return std::ranges::any_of(corpus().policies, test);
}

TEST(CaseCoverage, EveryKeyIsAcceptedInSomeCaseAndRefusedInAnother) {
  std::vector<std::string> keys{"name", "extends", std::string(kHostServices), std::string(kVariables)};
  for (const ValueKey& key : value_keys()) keys.emplace_back(key.key);
  for (const ListKey& key : list_keys()) keys.emplace_back(key.key);
  for (std::string_view key : kRuleKeys) keys.emplace_back(key);
  for (const std::string& key : keys) {
    EXPECT_TRUE(is_refused_somewhere(key)) << key << " is refused in no case";
    bool is_written = any_policy([&](const Policy& policy) {
      return (key == "name" && !policy.name.empty()) || std::ranges::any_of(policy.origins, [&](const auto& origin) {
               return origin.first == key || origin.first.starts_with(key + " ");
             });
    });
    EXPECT_TRUE(is_written) << key << " is accepted in no case";
  }
  for (std::string_view planned : kPlannedSections) EXPECT_TRUE(is_refused_somewhere(std::string(planned))) << planned;
  for (std::string_view always : kAlwaysRecorded)
    EXPECT_TRUE(is_refused_somewhere(base::format("audit.{}", always))) << always;
  for (std::string_view planned : kPlannedNetwork)
    EXPECT_TRUE(is_refused_somewhere(base::format("network.{}", planned))) << planned;
  // Of a rule that is a table.
  for (const char* key : {"host", "ports", "methods", "path", "private"}) {
    EXPECT_TRUE(std::regex_search(corpus().faults, std::regex(base::format("network\\.[a-z]+\\[[0-9]+\\]\\.{}", key))))
        << key;
    EXPECT_TRUE(std::ranges::any_of(corpus().accepted, [&](const std::string& text) {
      return std::regex_search(text, std::regex(base::format("\\{{[^}}]*\\b{} = ", key)));
    })) << key;
  }
}

TEST(CaseCoverage, EveryValueThatAKeyCanHaveIsInSomeCase) {
  for (const ValueKey& key : value_keys()) {
    std::set<std::string> seen;
    for (const Policy& policy : corpus().policies)
      if (policy.origin(key.key) != nullptr) seen.insert(key.value(policy));
    std::vector<std::string> wanted;
    if (key.shape == Shape::boolean) wanted = {"true", "false"};
    for (const std::string& choice : base::split(key.choices, ' '))
      if (!choice.empty()) wanted.push_back(quote_toml(choice));
    for (const std::string& value : wanted) EXPECT_TRUE(seen.contains(value)) << key.key << " = " << value;
  }
}

// docs/policy.md has the grammar; here is, for each of its alternatives, how to know one where it is written.
const std::map<std::string, std::vector<const char*>, std::less<>>& productions() {
  static const std::map<std::string, std::vector<const char*>, std::less<>> all{
      {"rule: host [\":\" ports]", {"^[a-z.]+[a-z]$", "^[a-z.]+[a-z]:[0-9]"}},
      {"host: name", {"^[A-Za-z][A-Za-z.]*\\.[a-z]+(:|$)"}},
      {"host: \"*.\" name", {"^\\*\\.[a-z]"}},
      {"host: \"*\"", {"^\\*$", "^\\*:"}},
      {"host: IPv4 [\"/\" length]", {"^[0-9]+(\\.[0-9]+){3}(:|$)", "^[0-9]+(\\.[0-9]+){3}/[0-9]+(:|$)"}},
      {"host: IPv6 [\"/\" length]", {"^[0-9a-f]+:[0-9a-f:]+$", "^[0-9a-f]+:[0-9a-f:]+/[0-9]+$"}},
      {"host: \"[\" IPv6 [\"/\" length] \"]\"", {"^\\[[0-9a-f:]+\\](:|$)", "^\\[[0-9a-f:]+/[0-9]+\\](:|$)"}},
      {"host: \"@\" group", {"^@[a-z]+$"}},
      {"ports: \"*\"", {":\\*$"}},
      {"ports: item *(\",\" item)", {"[^:]:[0-9]+$", ":[0-9-]+,[0-9,-]+$"}},
      {"item: port", {"[^:]:[0-9]+(,|$)"}},
      {"item: port \"-\" port", {"[:,][0-9]+-[0-9]+(,|$)"}},
      {"group: \"apt\"", {"^@apt$"}},
      {"group: \"cargo\"", {"^@cargo$"}},
      {"group: \"git\"", {"^@git$"}},
      {"group: \"go\"", {"^@go$"}},
      {"group: \"npm\"", {"^@npm$"}},
      {"group: \"pip\"", {"^@pip$"}},
  };
  return all;
}

TEST(CaseCoverage, EveryProductionOfTheGrammarOfRulesIsInSomeCase) {
  std::set<std::string> texts;
  std::regex quoted("\"([^\"]*)\"");
  for (const std::string& file : corpus().accepted)
    for (std::sregex_iterator at(file.begin(), file.end(), quoted), end; at != end; ++at) texts.insert((*at)[1].str());
  std::string page = *base::read_file(HYDRAVISOR_SOURCE_DIR "/docs/policy.md");
  size_t begin = page.find("\nrule    = host") + 1;
  ASSERT_NE(begin, std::string::npos + 1);
  std::set<std::string> documented;
  for (const std::string& line : base::split(page.substr(begin, page.find("```", begin) - begin), '\n')) {
    size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    std::string name = line.substr(0, line.find(' '));
    for (std::string alternative : base::split(line.substr(equals + 1), '|')) {
      alternative.erase(0, alternative.find_first_not_of(' '));
      alternative.erase(alternative.find_last_not_of(' ') + 1);
      documented.insert(base::format("{}: {}", name, alternative));
    }
  }
  for (const std::string& production : documented) {
    auto known = productions().find(production);
    ASSERT_NE(known, productions().end()) << "no way to know this one: " << production;
    for (const char* form : known->second)
      EXPECT_TRUE(std::ranges::any_of(
          texts, [&](const std::string& text) { return std::regex_search(text, std::regex(form)); }))
          << production << ": no case has " << form;
  }
  EXPECT_EQ(documented.size(), productions().size());
}

// "name *": where a pattern lies, and what varies in it.
std::string form_of(const std::string& text) {
  std::string place = text.starts_with('/')                 ? "absolute"
                      : text.starts_with("~/")              ? "home"
                      : text.find('/') == std::string::npos ? "name"
                                                            : "workspace";
  const char* varies = text.find("**") != std::string::npos  ? "**"
                       : text.find('*') != std::string::npos ? "*"
                       : text.find('?') != std::string::npos ? "?"
                                                             : "plain";
  return place + " " + varies;
}

TEST(CaseCoverage, EveryFormOfAPatternIsInSomeCaseOfEveryListThatTakesIt) {
  std::set<std::string> all;
  for (const char* place : {"absolute", "home", "workspace", "name"})
    for (const char* varies : {"plain", "*", "?", "**"})
      if (std::string_view(place) != "name" || std::string_view(varies) != "**")
        all.insert(base::format("{} {}", place, varies));
  std::set<std::string> of_grants;
  for (const char* place : {"absolute", "home"})
    for (const char* varies : {"plain", "*", "?"}) of_grants.insert(base::format("{} {}", place, varies));
  for (const ListKey& key : list_keys()) {
    bool is_grant = key.key == "filesystem.read" || key.key == "filesystem.write";
    if (!is_grant && key.key != "filesystem.hide" && !key.key.starts_with("exec.")) continue;
    std::set<std::string> forms;
    for (const Policy& policy : corpus().policies)
      for (const std::string& item : items_of(key, policy)) forms.insert(form_of(item));
    EXPECT_EQ(forms, is_grant ? of_grants : all) << key.key;
  }
  // And decided, each by a question.
  std::set<std::string> decided;
  for (const std::string& text : read_cases(std::string(kData) + "/decisions"))
    for (const std::string& line : base::split(text, '\n'))
      if (size_t at = line.find("filesystem.hide "); at != std::string::npos)
        decided.insert(form_of(line.substr(at + 16, line.find(" (") - at - 16)));
  EXPECT_EQ(decided, all);
}

// testdata/containment/*.case: the policy of a sandbox, `---- and`, that of its principal, `----`, and lines
// `QUESTION: VERDICT + VERDICT => VERDICT`, of the one alone, of the other alone, and of both.
TEST(ContainmentMatrix, EveryCaseHolds) {
  std::set<std::string> cells;
  for (const std::string& text : read_cases(std::string(kData) + "/containment")) {
    size_t second = text.find("---- and\n");
    size_t questions = text.find("\n----\n");
    ASSERT_NE(second, std::string::npos);
    ASSERT_NE(questions, std::string::npos);
    base::Result<Policy> sandbox = parse(text.substr(0, second), "sandbox.toml");
    base::Result<Policy> principal = parse(text.substr(second + 9, questions - second - 8), "principal.toml");
    ASSERT_TRUE(sandbox && principal);
    auto evaluator = [](const Policy& policy) {
      return Evaluator(policy, {"/home/me", "/work", core::Tier::process, {}}, test_judges());
    };
    Evaluator first = evaluator(*sandbox);
    Evaluator other = evaluator(*principal);
    Evaluator both = evaluator(intersect(*sandbox, *principal));
    for (const std::string& line : base::split(text.substr(questions + 6), '\n')) {
      size_t colon = line.rfind(": ");
      if (colon == std::string::npos) continue;
      Question question = *parse_question(base::split(line.substr(0, colon), ' '));
      auto verdict = [&](const Evaluator& of) { return core::name_of(of.evaluate(question).verdict); };
      EXPECT_EQ(line.substr(colon + 2), base::format("{} + {} => {}", verdict(first), verdict(other), verdict(both)))
          << line;
      cells.insert(base::format("{} {} {}", core::name_of(question.kind), verdict(first), verdict(other)));
    }
  }
  for (auto [kind, name] : core::Names<Question::Kind>::table)
    for (auto [one, one_name] : core::Names<core::Verdict>::table)
      for (auto [two, two_name] : core::Names<core::Verdict>::table) {
        bool asks = one == core::Verdict::ask || two == core::Verdict::ask;
        if (asks && kind != Question::Kind::connect) continue;  // nothing but the network has somebody to ask
        EXPECT_TRUE(cells.contains(base::format("{} {} {}", name, one_name, two_name)))
            << name << ": " << one_name << " + " << two_name;
      }
}

// What depends on the machine or on the rest of the policy is kept by different ones; each is in some case.
TEST(CaseCoverage, EveryKeeperThatAKeyCanHaveIsInSomeCaseOfTheMatrix) {
  std::set<std::string> seen;
  std::regex line("(^|\\n)([a-z_.]+): ([a-z]+) by ");
  for (const std::string& text : read_cases(std::string(kData) + "/matrix"))
    for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at)
      seen.insert((*at)[2].str() + " " + (*at)[3].str());
  Policy denies;
  denies.exec.fallback = core::Verdict::deny;
  Policy nested = denies;
  nested.nested_sandboxes = true;
  Machine whole{7, {"memory", "pids", "cpu", "io"}, {}};
  for (const std::string& key : degradable_keys())
    for (const Policy& policy : {Policy{}, denies, nested})
      for (const Machine& machine : {whole, Machine{}}) {
        std::string cell =
            base::format("{} {}", key, core::name_of(enforcement_of(key, policy, core::Tier::process, machine).keeper));
        EXPECT_TRUE(seen.contains(cell)) << cell;
      }
}

}  // namespace
}  // namespace hv::policy
