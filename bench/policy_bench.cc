// How long a policy takes: to parse and resolve 1,000 rules (target: 5 ms), and to answer one question by them (target:
// 10 microseconds). Prints medians.
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

}  // namespace

int main() {
  std::string text = many_rules();
  auto load = [](std::string_view) -> base::Result<policy::Source> {
    return policy::Source{"base", "base.toml", "version = 1\n[limits]\npids = 9\n"};
  };
  std::vector<double> parses;
  for (int i = 0; i < 200; ++i) {
    auto began = Clock::now();
    auto parsed = policy::resolve({"many", "many.toml", text}, load);
    parses.push_back(microseconds(Clock::now() - began));
    if (!parsed) return std::fputs(parsed.error().message().c_str(), stderr), 1;
  }
  std::printf("parse and resolve 1,000 rules   %8.2f ms (target 5)\n", median(parses) / 1000);
  auto nothing = [](std::string_view) { return false; };
  policy::Evaluator evaluator(*policy::resolve({"many", "many.toml", text}, load),
                              {"/home/me", "/srv/app", core::Tier::process, {}}, {judge, nothing, nothing});
  for (const char* line : {"read /srv/app/src/deep/down/file.cc", "read /data/d199/x", "exec /usr/bin/tool149",
                           "exec /usr/bin/other", "connect host349.example.org:443", "connect none.example.org:443"}) {
    policy::Question question = *policy::parse_question(base::split(line, ' '));
    std::vector<double> answers;
    for (int i = 0; i < 200; ++i) {
      auto began = Clock::now();
      for (int j = 0; j < 20; ++j) (void)evaluator.evaluate(question);
      answers.push_back(microseconds(Clock::now() - began) / 20);
    }
    std::printf("%-40s%8.2f us (target 10)\n", line, median(answers));
  }
}
