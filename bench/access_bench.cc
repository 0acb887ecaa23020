// How long it takes to say whether somebody may do something by 1,000 rules of access.toml (target: 10 microseconds),
// and to read those rules (target: 5 ms). Prints medians of the time that this
// program had a processor, so that a busy machine does not count.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "access/decide.h"
#include "base/format.h"

namespace {

using namespace hv;

// Half of them of the principal's scope, and of those most for one principal; half of the sandbox's own, of which one
// in ten has no name to look it up by.
std::string many_rules() {
  std::string text = "version = 1\n[principals.\"agent:ci\"]\nrole = \"sandboxed\"\n";
  for (int i = 0; i < 500; ++i)
    text +=
        base::format("[[grants]]\nprincipal = \"agent:{}\"\nallow = [\"logs\", \"diff\"]\nsandboxes = [\"s{}-*\"]\n",
                     i % 10 == 0 ? "other" : "ci", i);
  for (int i = 0; i < 500; ++i)
    text += base::format("[[sandboxes]]\nsandboxes = [\"web-{}{}\"]\nprincipals = [\"agent:ci\"]\nallow = [\"exec\"]\n",
                         i, i % 10 == 0 ? "*" : "");
  return text;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double microseconds_so_far() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

}  // namespace

int main() {
  std::string text = many_rules();
  std::vector<double> parses;
  for (int i = 0; i < 100; ++i) {
    double begin = microseconds_so_far();
    auto access = access::parse(text, "access.toml");
    parses.push_back(microseconds_so_far() - begin);
    if (!access) {
      std::fprintf(stderr, "%s\n", access.error().message().c_str());
      return 1;
    }
  }
  access::Judge judge(*access::parse(text, "access.toml"), 1000);
  access::Subject agent{*core::Principal::parse("agent:ci"), {}, {}};
  std::vector<double> answers;
  int allowed = 0;
  std::vector<access::Resource> sandboxes;
  for (int i = 0; i < 700; ++i) sandboxes.push_back({base::format("web-{}", i), "claude", {}, "user:1000"});
  // Together, because looking at this clock takes as long as an answer.
  constexpr int kTogether = 100;
  for (int i = 0; i < 20000; i += kTogether) {
    double begin = microseconds_so_far();
    for (int j = i; j < i + kTogether; ++j) {
      const access::Resource& about = sandboxes[static_cast<size_t>(j) % sandboxes.size()];
      allowed += judge.decide(agent, j % 2 == 0 ? core::Action::exec : core::Action::apply, &about).allowed;
    }
    answers.push_back((microseconds_so_far() - begin) / kTogether);
  }
  std::printf("1,000 rules of access.toml: parse %.2f ms, one answer %.2f us (%d of 20,000 allowed)\n",
              median(parses) / 1000, median(answers), allowed);
  return 0;
}
