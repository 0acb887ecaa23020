// What an event costs under rules of behavior: one of a kind that no rule looks at, and one that 1, 8 and 64 rules of
// each form look at (target: a record of the ledger costs tens of microseconds; this is to be small beside it). Prints
// medians for one event, of the time that this program had a processor, and how large an engine becomes.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "base/format.h"
#include "behavior/engine.h"

namespace {

using namespace hv;
using Form = core::BehaviorRule::Form;

core::BehaviorRule rule(Form form, int number) {
  core::BehaviorRule rule;
  rule.name = base::format("rule-{}", number);
  rule.form = form;
  rule.patterns.resize(form == Form::sequence ? 8 : 1);
  for (core::EventPattern& pattern : rule.patterns) {
    pattern.kinds = {"network.connection"};
    pattern.programs = {*core::Glob::parse("/usr/**/curl")};
  }
  rule.limit = uint64_t{1} << 60;
  rule.field = form == Form::first_seen ? "host" : "bytes_out";
  rule.window = std::chrono::hours(1);
  rule.responses = {core::Response::alert};
  rule.cool_down = std::chrono::hours(1);
  return rule;
}

core::Event event(std::string kind, uint64_t number) {
  core::Event event;
  event.kind = std::move(kind);
  event.monotonic = std::chrono::milliseconds(number);
  event.payload = {{"program", "/usr/bin/curl"}, {"host", base::format("h{}.example.org", number % 5000)},
                   {"verdict", "allow"},         {"bytes_out", number},
                   {"address", "198.18.0.1"},    {"port", 443}};
  return event;
}

double nanoseconds_so_far() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double nanoseconds_each(behavior::Engine& engine, const std::string& kind) {
  constexpr uint64_t kEvents = 2000;
  std::vector<core::Event> events;
  for (uint64_t i = 0; i < kEvents; ++i) events.push_back(event(kind, i));
  std::vector<double> rounds;
  for (int round = 0; round < 15; ++round) {
    double begin = nanoseconds_so_far();
    for (uint64_t i = 0; i < kEvents; ++i) engine.observe(events[i], i);
    rounds.push_back((nanoseconds_so_far() - begin) / kEvents);
  }
  std::ranges::sort(rounds);
  return rounds[rounds.size() / 2];
}

}  // namespace

int main() {
  for (auto [form, name] : {std::pair{Form::rate, "rate"},
                            {Form::sum, "sum"},
                            {Form::sequence, "sequence of 8"},
                            {Form::first_seen, "first seen"}}) {
    for (int count : {1, 8, 64}) {
      size_t before = ::mallinfo2().uordblks;
      std::vector<core::BehaviorRule> rules;
      for (int i = 0; i < count; ++i) rules.push_back(rule(form, i));
      behavior::Engine engine(std::move(rules), {"/home/me", "/work", nullptr});
      double other = nanoseconds_each(engine, "network.closed");
      double own = nanoseconds_each(engine, "network.connection");
      std::printf("%-14s %2d rules: %8.0f ns an event, %4.0f ns one of another kind, %5zu KiB\n", name, count, own,
                  other, (::mallinfo2().uordblks - before) / 1024);
    }
  }
  return 0;
}
