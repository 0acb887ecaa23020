// How long a policy takes: to parse and resolve 1,000 rules (target: 5 ms), and to answer one question by them (target:
// 10 microseconds), also where all of them are of one kind that no index helps. Prints medians.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "network/egress_rules.h"
#include "policy/evaluate.h"
#include "policy/extend.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace hv;

std::string many_rules() {
  std::string text = "version = 1\nextends = [\"base\"]\n[filesystem]\nhide = [";
  for (int i = 0; i < 150; ++i) text += base::format("\"*.x{0}\", \"/srv/a{0}*/key\", ", i);
  text += "]\nread = [";
  for (int i = 0; i < 200; ++i) text += base::format("\"/data/d{}\", ", i);
  text += "]\n[exec]\ndefault = \"deny\"\nallow = [";
  for (int i = 0; i < 150; ++i) text += base::format("\"/usr/bin/tool{}\", ", i);
  text += "]\n[network]\nallow = [";
  for (int i = 0; i < 350; ++i) text += base::format("\"host{}.example.org\", ", i);
  return text + "]\n";
}

policy::HostAnswer judge(const core::EgressPolicy& policy, const policy::Question& question) {
  network::Target target;
  target.name = question.subject;
  target.port = question.port;
  target.sight = network::Sight::hidden;
  network::Decision decision = network::decide(policy, target);
  policy::HostAnswer answer{decision.verdict, std::nullopt, decision.rule_text, decision.reason};
  if (decision.rule != nullptr) answer.rule = static_cast<size_t>(decision.rule - policy.rules.data());
  return answer;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

void print(const std::string& what, double value, const char* unit) {
  std::printf("%-58s%8.2f %s\n", what.c_str(), value, unit);
}

// The median time of one answer.
double time_of(const policy::Evaluator& evaluator, const policy::Question& question) {
  std::vector<double> answers;
  for (int i = 0; i < 200; ++i) {
    auto began = Clock::now();
    for (int j = 0; j < 20; ++j) (void)evaluator.evaluate(question);
    answers.push_back(microseconds(Clock::now() - began) / 20);
  }
  return median(answers);
}

policy::Evaluator evaluator_of(const policy::Policy& policy) {
  auto nothing = [](std::string_view) { return false; };
  return {policy, {"/home/me", "/srv/app", core::Tier::process, {}}, {judge, nothing, nothing}};
}

// All 1,000 rules of one kind, and a question that each of them has to be asked about.
struct Shape {
  const char* key;
  const char* rule;      // {} is its number
  const char* question;  // which the last rule decides, or none
};
constexpr Shape kShapes[] = {
    {"filesystem.hide", "*.x{}", "read /srv/app/src/deep/down/below/here/file.cc"},
    {"filesystem.hide", "key{}.*", "read /srv/app/src/deep/down/below/here/file.cc"},
    {"filesystem.hide", "*secret{}*", "read /srv/app/src/deep/down/below/here/file.cc"},
    {"filesystem.hide", "/srv/a{}*/key", "read /srv/a/src/deep/down/below/here/file.cc"},
    {"filesystem.hide", "src/**/d{}/*.pem", "read /srv/app/src/deep/down/below/here/file.pem"},
    {"filesystem.hide", "**/d{}/**/key", "read /srv/app/src/deep/down/below/here/file.pem"},
    {"filesystem.read", "/data/d{}", "read /data/d999/x"},
    {"filesystem.write", "~/work{}/*/out", "write /home/me/work999/a/out/x"},
    {"exec.deny", "tool{}", "exec /usr/bin/other"},
    {"exec.deny", "tool{}-*", "exec /usr/bin/other-tool"},
    {"syscalls.deny", "call_{}", "call ptrace"},
    {"environment.pass", "PREFIX_{}_*", "variable PREFIX_1000_A"},
    {"network.allow", "host{}.example.org", "connect none.example.org:443"},
    {"network.allow", "*.zone{}.example.org", "connect a.zone999.example.org:443"},
    {"network.deny", "10.{}.0.0/16", "connect 11.0.0.1:443"},
};

policy::Policy policy_of(const Shape& shape) {
  std::string key = shape.key;
  std::string text =
      base::format("version = 1\n[{}]\n{} = [", key.substr(0, key.find('.')), key.substr(key.find('.') + 1));
  for (int i = 0; i < 1000; ++i) {
    std::string rule = shape.rule;
    // A part of an address ends at 255.
    std::string number = key == "network.deny" ? base::format("{}", i % 256) : base::format("{}", i);
    if (key == "network.deny" && i > 255) {
      rule = base::format("10.{}.{}.0/24", i % 256, i / 256);
    } else {
      rule.replace(rule.find("{}"), 2, number);
    }
    text += base::format("\"{}\", ", rule);
  }
  text += "]\n";
  auto none = [](std::string_view) -> base::Result<policy::Source> { return base::Failure(base::not_found("none")); };
  return *policy::resolve({"shape", "shape.toml", text}, none);
}

}  // namespace

int main() {
  std::string text = many_rules();
  auto load = [](std::string_view) -> base::Result<policy::Source> {
    return policy::Source{"base", "base.toml", "version = 1\n[limits]\npids = 9\n"};
  };
  std::vector<double> parses;
  std::vector<double> compiles;
  for (int i = 0; i < 200; ++i) {
    auto began = Clock::now();
    auto parsed = policy::resolve({"many", "many.toml", text}, load);
    parses.push_back(microseconds(Clock::now() - began));
    if (!parsed) return std::fputs(parsed.error().message().c_str(), stderr), 1;
    began = Clock::now();
    policy::Evaluator evaluator = evaluator_of(*parsed);
    compiles.push_back(microseconds(Clock::now() - began));
  }
  print("parse and resolve 1,000 rules (target 5 ms)", median(parses) / 1000, "ms");
  print("make an evaluator of them", median(compiles) / 1000, "ms");
  std::puts("one answer by 1,000 rules of every kind (target 10 us)");
  policy::Evaluator mixed = evaluator_of(*policy::resolve({"many", "many.toml", text}, load));
  for (const char* line : {"read /srv/app/src/deep/down/file.cc", "read /data/d199/x", "exec /usr/bin/tool149",
                           "exec /usr/bin/other", "connect host349.example.org:443", "connect none.example.org:443"})
    print(base::format("  {}", line), time_of(mixed, *policy::parse_question(base::split(line, ' '))), "us");
  std::puts("one answer by 1,000 rules of one kind (target 10 us)");
  for (const Shape& shape : kShapes)
    print(base::format("  {} = {}: {}", shape.key, shape.rule, base::split(shape.question, ' ')[0]),
          time_of(evaluator_of(policy_of(shape)), *policy::parse_question(base::split(shape.question, ' '))), "us");
}
