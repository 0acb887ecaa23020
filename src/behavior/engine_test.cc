#include "behavior/engine.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "core/egress_text.h"

namespace hv::behavior {
namespace {

using core::BehaviorRule;
using core::Response;
using Form = core::BehaviorRule::Form;
using namespace std::chrono_literals;

BehaviorRule rule(Form form, std::vector<std::vector<std::string>> steps) {
  BehaviorRule rule;
  rule.name = "r";
  rule.form = form;
  for (auto& kinds : steps) rule.patterns.emplace_back().kinds = std::move(kinds);
  rule.window = 10s;
  rule.responses = {Response::alert};
  rule.cool_down = 1s;
  return rule;
}

BehaviorRule rate(uint64_t limit) {
  BehaviorRule rate = rule(Form::rate, {{"exec.started"}});
  rate.limit = limit;
  return rate;
}

core::Event event(std::string kind, base::MonotonicTime when, base::json::Object payload = {}) {
  core::Event event;
  event.kind = std::move(kind);
  event.monotonic = when;
  event.payload = std::move(payload);
  return event;
}

// One sandbox's stream, whose records count from 100.
struct Stream {
  explicit Stream(std::vector<BehaviorRule> rules, std::shared_ptr<History> agent = nullptr)
      : engine(std::move(rules), {"/home/me", "/work", std::move(agent)}) {}
  std::vector<Firing> add(std::string kind, base::MonotonicTime when, base::json::Object payload = {}) {
    return engine.observe(event(std::move(kind), when, std::move(payload)), next++);
  }
  Engine engine;
  uint64_t next = 100;
};

TEST(Engine, FiresWhenThereIsOneMoreThanARateAllows) {
  Stream stream({rate(3)});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(stream.add("exec.started", 1s).empty());
  std::vector<Firing> fired = stream.add("exec.started", 2s);
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_EQ(fired[0].rule.name, "r");
  EXPECT_EQ(fired[0].amount, 4u);
  EXPECT_EQ(fired[0].records, (std::vector<uint64_t>{100, 101, 102, 103}));
}

TEST(Engine, ForgetsWhatIsOlderThanTheWindow) {
  Stream stream({rate(3)});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(stream.add("exec.started", 1s).empty());
  EXPECT_TRUE(stream.add("exec.started", 12s).empty());
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(stream.add("exec.started", 20s + i * 4s).empty()) << i;
}

TEST(Engine, CountsWhatARecordStandsFor) {
  Stream stream({rate(100)});
  EXPECT_TRUE(stream.add("exec.started", 1s).empty());
  std::vector<Firing> fired = stream.add("exec.repeated", 1s, {{"count", 100}});
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_EQ(fired[0].amount, 101u);
}

TEST(Engine, DoesNotLookAtOtherKinds) {
  Stream stream({rate(1)});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(stream.add("exec.observed", 1s).empty());
}

TEST(Engine, HoldsBackWhileItCoolsAndTellsHowOften) {
  BehaviorRule often = rate(1);
  often.cool_down = 30s;
  Stream stream({often});
  stream.add("exec.started", 1s);
  EXPECT_EQ(stream.add("exec.started", 1s).size(), 1u);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(stream.add("exec.started", 25s).empty());
  std::vector<Firing> fired = stream.add("exec.started", 31s);
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_EQ(fired[0].held_back, 4u);
  EXPECT_EQ(fired[0].number, 2u);
}

TEST(Engine, ClimbsThroughItsResponsesAndStaysAtTheLast) {
  BehaviorRule climbs = rate(1);
  climbs.responses = {Response::alert, Response::freeze, Response::kill};
  Stream stream({climbs});
  std::vector<Response> given;
  for (int i = 0; i < 5; ++i) {
    stream.add("exec.started", 1s + i * 20s);
    for (const Firing& firing : stream.add("exec.started", 2s + i * 20s)) given.push_back(firing.response);
  }
  EXPECT_EQ(given, (std::vector{Response::alert, Response::freeze, Response::kill, Response::kill, Response::kill}));
}

TEST(Engine, AddsUpAField) {
  BehaviorRule much = rule(Form::sum, {{"network.closed"}});
  much.field = "bytes_out";
  much.limit = 1000;
  Stream stream({much});
  EXPECT_TRUE(stream.add("network.closed", 1s, {{"bytes_out", 1000}, {"bytes_in", 99'999}}).empty());
  EXPECT_EQ(stream.add("network.closed", 2s, {{"bytes_out", 1}}).size(), 1u);
}

TEST(Engine, StaysAtTheEndOfASumsRange) {
  BehaviorRule much = rule(Form::sum, {{"network.closed"}});
  much.field = "bytes_out";
  much.limit = 1000;
  Stream stream({much});
  EXPECT_EQ(stream.add("network.closed", 1s, {{"bytes_out", ~uint64_t{0}}}).size(), 1u);
  stream.add("network.closed", 1500ms, {{"bytes_out", ~uint64_t{0}}});
  EXPECT_EQ(stream.add("network.closed", 2500ms, {{"bytes_out", ~uint64_t{0}}}).size(), 1u);
}

BehaviorRule download_then_run() {
  BehaviorRule steps = rule(Form::sequence, {{"exec.observed"}, {"network.connection"}});
  steps.patterns[0].programs = {*core::Glob::parse("curl")};
  steps.patterns[1].hosts = {*core::parse_pattern("*.evil.test")};
  return steps;
}

TEST(Engine, FiresForASequenceInItsOrder) {
  Stream stream({download_then_run()});
  EXPECT_TRUE(stream.add("network.connection", 1s, {{"host", "a.evil.test"}}).empty());
  EXPECT_TRUE(stream.add("exec.observed", 2s, {{"executable", "/usr/bin/curl"}}).empty());
  EXPECT_TRUE(stream.add("network.connection", 3s, {{"host", "a.good.test"}}).empty());
  EXPECT_TRUE(stream.add("network.connection", 3s, {{"host", "evil.test"}}).empty());
  std::vector<Firing> fired = stream.add("network.connection", 4s, {{"host", "a.evil.test"}});
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_EQ(fired[0].records, (std::vector<uint64_t>{101, 104}));
}

TEST(Engine, TakesTheLatestBeginningOfASequence) {
  Stream stream({download_then_run()});
  stream.add("exec.observed", 1s, {{"executable", "/usr/bin/curl"}});
  stream.add("exec.observed", 9s, {{"executable", "/usr/bin/curl"}});
  EXPECT_EQ(stream.add("network.connection", 18s, {{"host", "a.evil.test"}}).size(), 1u);
  EXPECT_TRUE(stream.add("network.connection", 18s, {{"host", "a.evil.test"}}).empty()) << "its beginning is spent";
}

TEST(Engine, DropsASequenceThatTookTooLong) {
  Stream stream({download_then_run()});
  stream.add("exec.observed", 1s, {{"executable", "/usr/bin/curl"}});
  EXPECT_TRUE(stream.add("network.connection", 12s, {{"host", "a.evil.test"}}).empty());
}

TEST(Engine, DoesNotTakeOneEventForTwoSteps) {
  Stream stream({rule(Form::sequence, {{"exec.started"}, {"exec.started"}, {"exec.started"}})});
  EXPECT_TRUE(stream.add("exec.started", 1s).empty());
  EXPECT_TRUE(stream.add("exec.started", 2s).empty());
  EXPECT_EQ(stream.add("exec.started", 3s).size(), 1u);
}

BehaviorRule new_host(BehaviorRule::History history = BehaviorRule::History::sandbox) {
  BehaviorRule first = rule(Form::first_seen, {{"network.connection"}});
  first.field = "host";
  first.history = history;
  return first;
}

TEST(Engine, FiresForWhatItHasNotSeen) {
  Stream stream({new_host()});
  std::vector<Firing> fired = stream.add("network.connection", 1s, {{"host", "a.test"}});
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_EQ(fired[0].value, "a.test");
  EXPECT_TRUE(stream.add("network.connection", 9s, {{"host", "a.test"}}).empty());
  EXPECT_EQ(stream.add("network.connection", 9s, {{"host", "b.test"}}).size(), 1u);
}

TEST(Engine, KeepsNewWhatItMetWhileItWasHeldBack) {
  Stream stream({new_host()});
  stream.add("network.connection", 1s, {{"host", "a.test"}});
  EXPECT_TRUE(stream.add("network.connection", 1500ms, {{"host", "b.test"}}).empty());
  EXPECT_EQ(stream.add("network.connection", 3s, {{"host", "b.test"}}).size(), 1u);
}

TEST(Engine, RemembersAnEarlierRun) {
  Stream stream({new_host(), rate(1)});
  for (int i = 0; i < 5; ++i) stream.engine.remember(event("exec.started", 1h));
  stream.engine.remember(event("network.connection", 1h, {{"host", "a.test"}}));
  EXPECT_TRUE(stream.add("network.connection", 1s, {{"host", "a.test"}}).empty());
  EXPECT_TRUE(stream.add("exec.started", 2s).empty());
}

TEST(Engine, BeginsARunWithNothingButWhatItHasSeen) {
  Stream stream({new_host(), rate(1)});
  stream.add("network.connection", 1h, {{"host", "a.test"}});
  stream.add("exec.started", 1h);
  stream.engine.begin_run();
  EXPECT_TRUE(stream.add("network.connection", 1s, {{"host", "a.test"}}).empty());
  EXPECT_TRUE(stream.add("exec.started", 2s).empty());
  EXPECT_EQ(stream.add("exec.started", 3s).size(), 1u);
}

TEST(Engine, SharesTheHistoryOfAnAgentThroughItsFile) {
  char name[] = "/tmp/hv-history-XXXXXX";
  std::string directory = mkdtemp(name);
  auto open = [&] { return std::make_shared<History>(*History::open(directory + "/a.seen")); };
  {
    Stream stream({new_host(BehaviorRule::History::agent)}, open());
    EXPECT_EQ(stream.add("network.connection", 1s, {{"host", "a.test"}}).size(), 1u);
  }
  {
    Stream stream({new_host(BehaviorRule::History::agent)}, open());
    EXPECT_TRUE(stream.add("network.connection", 1s, {{"host", "a.test"}}).empty());
  }
  // Torn by a crash: what cannot be read is new.
  ASSERT_TRUE(base::replace_file(directory + "/a.seen", "r host b.test\nr host a.te"));
  {
    Stream stream({new_host(BehaviorRule::History::agent)}, open());
    EXPECT_TRUE(stream.add("network.connection", 1s, {{"host", "b.test"}}).empty());
    EXPECT_EQ(stream.add("network.connection", 1s, {{"host", "a.test"}}).size(), 1u);
  }
  EXPECT_EQ(*base::read_file(directory + "/a.seen"), "r host b.test\nr host a.test\n");
  std::filesystem::remove_all(directory);
}

TEST(Engine, StaysBoundedHoweverMuchIsNew) {
  Stream stream({new_host()});
  size_t fired = 0;
  for (size_t i = 0; i < History::kMost + 10; ++i)
    fired += stream.add("network.connection", 1s + i * 1s, {{"host", "h" + std::to_string(i)}}).size();
  EXPECT_EQ(fired, History::kMost + 10);
  EXPECT_EQ(stream.add("network.connection", 20'000s, {{"host", "h" + std::to_string(History::kMost + 5)}}).size(), 1u)
      << "what no longer fits stays new";
}

TEST(Engine, HoldsEveryConditionOfAPattern) {
  BehaviorRule picky = rule(Form::rate, {{"network.denied", "network.connection"}});
  picky.patterns[0].hosts = {*core::parse_pattern("10.0.0.0/8"), *core::parse_pattern("x.test")};
  picky.patterns[0].programs = {*core::Glob::parse("~/bin/**")};
  picky.patterns[0].verdicts = {core::Verdict::deny};
  picky.patterns[0].least_risk = core::Risk::medium;
  Stream stream({picky});
  auto fires = [&](core::Risk risk, base::json::Object payload) {
    static int64_t second = 0;
    core::Event seen = event("network.denied", std::chrono::seconds(second += 60), std::move(payload));
    seen.risk = risk;
    return !stream.engine.observe(seen, 1).empty();
  };
  using core::Risk;
  EXPECT_TRUE(fires(Risk::medium, {{"address", "10.1.2.3"}, {"program", "/home/me/bin/a"}, {"verdict", "deny"}}));
  EXPECT_TRUE(fires(Risk::high, {{"host", "x.test"}, {"program", "/home/me/bin/a"}, {"verdict", "deny"}}));
  EXPECT_FALSE(fires(Risk::low, {{"host", "x.test"}, {"program", "/home/me/bin/a"}, {"verdict", "deny"}}));
  EXPECT_FALSE(fires(Risk::high, {{"host", "y.test"}, {"program", "/home/me/bin/a"}, {"verdict", "deny"}}));
  EXPECT_FALSE(fires(Risk::high, {{"host", "x.test"}, {"program", "/usr/bin/a"}, {"verdict", "deny"}}));
  EXPECT_FALSE(fires(Risk::high, {{"host", "x.test"}, {"program", "/home/me/bin/a"}, {"verdict", "ask"}}));
  EXPECT_FALSE(fires(Risk::high, {{"host", "x.test"}, {"verdict", "deny"}}));
}

TEST(Engine, TakesAClockThatWentBackForOneThatStands) {
  Stream stream({rate(2)});
  stream.add("exec.started", 5s);
  stream.add("exec.started", 1s);
  EXPECT_EQ(stream.add("exec.started", 6s).size(), 1u);
}

}  // namespace
}  // namespace hv::behavior
