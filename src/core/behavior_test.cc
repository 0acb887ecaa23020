#include "core/behavior.h"

#include <gtest/gtest.h>

#include "core/egress_text.h"

namespace hv::core {
namespace {

EventPattern pattern(std::vector<std::string> kinds) {
  EventPattern pattern;
  pattern.kinds = std::move(kinds);
  return pattern;
}

BehaviorRule rule(BehaviorRule::Form form, std::vector<EventPattern> patterns) {
  BehaviorRule rule;
  rule.name = "r";
  rule.form = form;
  rule.patterns = std::move(patterns);
  rule.window = std::chrono::seconds(90);
  return rule;
}

TEST(Behavior, SaysInALineWhatARuleWatches) {
  using Form = BehaviorRule::Form;
  BehaviorRule rate = rule(Form::rate, {pattern({"exec.started"})});
  rate.limit = 20;
  EXPECT_EQ(watches(rate), "more than 20 exec.started in 1m30s");

  BehaviorRule sum = rule(Form::sum, {pattern({"network.closed", "host_port.closed"})});
  sum.field = "bytes_out";
  sum.limit = uint64_t{100} << 20;
  EXPECT_EQ(watches(sum), "bytes_out of network.closed or host_port.closed above 100 MiB in 1m30s");
  sum.field = "count";
  EXPECT_EQ(watches(sum), "count of network.closed or host_port.closed above 104857600 in 1m30s");

  EventPattern program = pattern({"exec.observed"});
  program.programs = {*Glob::parse("base64"), *Glob::parse("~/.cache/**")};
  EventPattern host = pattern({"network.denied"});
  host.hosts = {*parse_pattern("*.example.org")};
  host.verdicts = {Verdict::deny};
  host.least_risk = Risk::low;
  EXPECT_EQ(watches(rule(Form::sequence, {program, host})),
            "exec.observed (program base64 or ~/.cache/**), then network.denied (host *.example.org, verdict deny, "
            "risk low or more), within 1m30s");

  BehaviorRule seen = rule(Form::first_seen, {pattern({"network.connection"})});
  seen.field = "host";
  seen.history = BehaviorRule::History::agent;
  EXPECT_EQ(watches(seen), "a host of network.connection that the agent never had");
}

}  // namespace
}  // namespace hv::core
