#include "service/policy_learning.h"

#include <random>

#include <gtest/gtest.h>

#include "base/format.h"
#include "core/egress_text.h"
#include "service/policy_cases.h"

namespace hv::service {
namespace {

core::AuditRecord record(uint64_t index, std::string kind, base::json::Object payload) {
  core::AuditRecord result;
  result.index = index;
  result.event.kind = std::move(kind);
  result.event.payload = std::move(payload);
  return result;
}

std::vector<std::string> texts(const core::AuditRecord& record) {
  std::vector<std::string> all;
  for (const policy::Question& question : questions_of(record)) all.push_back(question_text(question));
  return all;
}

using Texts = std::vector<std::string>;

bool nowhere(const std::string&) {
  return false;
}

TEST(RecordedQuestions, AreWhatAPolicyHasASayIn) {
  EXPECT_EQ(texts(record(1, "exec.started", {{"path", "./run"}, {"directory", "/srv/app/a/.."}})),
            Texts{"exec /srv/app/run"});
  EXPECT_EQ(texts(record(1, "exec.started", {{"path", "run"}, {"directory", ""}})), Texts{}) << "nobody knows which";
  EXPECT_EQ(texts(record(1, "network.connection", {{"host", "a.test"}, {"port", 443}, {"verdict", "allow"}})),
            Texts{"connect a.test:443"});
  EXPECT_EQ(texts(record(1, "network.request",
                         {{"host", "a.test"}, {"port", 80}, {"verdict", "allow"}, {"method", "GET"}, {"path", "/v1"}})),
            Texts{"connect a.test:80 GET /v1"});
  EXPECT_EQ(texts(record(1, "network.connection", {{"address", "2001:db8::1"}, {"port", 443}, {"verdict", "allow"}})),
            Texts{"connect [2001:db8::1]:443"});
  EXPECT_EQ(texts(record(1, "network.denied", {{"host", "a.test"}, {"port", 443}, {"verdict", "deny"}})), Texts{})
      << "refused already";
  EXPECT_EQ(texts(record(1, "host_port.connected", {{"port", 5432}})), Texts{"connect host.hydravisor:5432"});
  EXPECT_EQ(texts(record(1, "sandbox.starting", {{"read", {"/srv/a"}}, {"write", {"~/b"}}})),
            (Texts{"read /srv/a", "write ~/b"}));
  EXPECT_EQ(texts(record(1, "exec.started", {{"path", 7}, {"directory", "/"}})), Texts{})
      << "a payload of another shape";
}

// Whatever is recorded, the policy that is learned of it parses, and denies none of it.
TEST(Learning, DeniesNothingOfWhatItLearnedFrom) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    auto below = [&](size_t count) { return random() % count; };
    auto pick = [&](std::initializer_list<const char*> words) { return *(words.begin() + below(words.size())); };
    std::vector<core::AuditRecord> records;
    for (uint64_t i = 0; i < 40; ++i) {
      switch (below(4)) {
        case 0:
          records.push_back(record(i, "exec.started",
                                   {{"path", pick({"/usr/bin/env", "./tool", "bin/x", "/home/me/.local/bin/y",
                                                   "/opt/a b/c", "/tmp/made", "../up", "tool", "/opt/x[1]{y}",
                                                   "!x/st*r?", "~x/y", "/opt/**", "/!/\\\\", "/opt/\u00fc\u0001"})},
                                    {"directory", pick({"/srv/app", "/srv/app/deep", "/home/me"})}}));
          break;
        case 1:
          records.push_back(record(i, pick({"network.connection", "network.closed"}),
                                   {{"host", pick({"a.test", "b.a.test", "xn--bcher-kva.example"})},
                                    {"port", static_cast<int64_t>(below(3) * 40 + 22)},
                                    {"verdict", "allow"},
                                    {"address", "8.8.8.8"},
                                    {"protocol", pick({"tls", "http", "ssh"})},
                                    {"rule", "*"}}));
          break;
        case 2:
          records.push_back(record(i, "network.closed",
                                   {{"address", pick({"10.1.2.3", "fd00::1", "192.168.0.9"})},
                                    {"port", 443},
                                    {"verdict", "allow"},
                                    {"rule", "10.0.0.0/8:* private"}}));
          break;
        default:
          records.push_back(record(i, "host_port.connected", {{"port", static_cast<int64_t>(below(3) + 8000)}}));
      }
    }
    policy::Policy base = *policy::parse(
        "version = 1\nname = \"base\"\n[limits]\npids = 300\n[environment]\npass = [\"A\"]\n", "base.toml");
    Learner learner(base, "/home/me", "/srv/app");
    for (const core::AuditRecord& each : records) learner.add(each);
    std::string text = learner.write("least", "a-sandbox", nowhere);
    base::Result<policy::Policy> learned = policy::parse(text, "least.toml");
    ASSERT_TRUE(learned) << learned.error().message() << "\n" << text;
    EXPECT_EQ(learned->limits.pids, 300u);
    EXPECT_EQ(learned->exec.fallback, core::Verdict::deny);
    policy::Evaluator evaluator(*learned, {"/home/me", "/srv/app", core::Tier::process, {}}, PolicyCases::judges());
    for (const core::AuditRecord& each : records)
      for (const policy::Question& question : questions_of(each))
        EXPECT_EQ(evaluator.evaluate(question).verdict, core::Verdict::allow)
            << "seed " << seed << ": " << question_text(question) << "\n"
            << text;
    policy::Question other;
    other.kind = policy::Question::Kind::exec;
    other.subject = "/usr/bin/never-seen";
    EXPECT_EQ(evaluator.evaluate(other).verdict, core::Verdict::deny);
  }
}

// The list of programs that is learned of these paths.
std::vector<std::string> programs(std::initializer_list<std::string> paths, const std::string& there) {
  policy::Policy base = *policy::parse("version = 1\n", "base.toml");
  Learner learner(base, "/home/me", "/srv/app");
  for (const std::string& path : paths) learner.add(record(1, "exec.started", {{"path", path}, {"directory", "/"}}));
  std::string text = learner.write("least", "x", [&](const std::string& path) { return path == there; });
  base::Result<policy::Policy> learned = policy::parse(text, "least.toml");
  EXPECT_TRUE(learned) << learned.error().message();
  return learned ? learned->exec.allow : std::vector<std::string>{};
}

TEST(Learning, SpellsEachProgramAsThePolicyCan) {
  EXPECT_EQ(programs({"/usr/bin/id", "/home/me/bin/x", "/srv/app/bin/tool"}, "/srv/app/bin/tool"),
            (Texts{"/usr/bin/id", "bin/tool", "~/bin/x"}));
  EXPECT_EQ(programs({"/srv/app/tool"}, "/srv/app/tool"), Texts{"/srv/app/tool"}) << "a name alone is meant anywhere";
  EXPECT_EQ(programs({"/opt/x[1]{y}*"}, ""), Texts{"/opt/x?1??y??"});
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "/d";
  std::string covered;
  for (int i = 0; i < 31; ++i) covered += "/d";
  EXPECT_EQ(programs({deep}, ""), Texts{covered + "/**"});
}

TEST(Learning, TakesTheDirectoryOfWhatTheRunMade) {
  EXPECT_EQ(programs({"/srv/app/build/test", "/srv/app/build/other", "/tmp/go/exe", "/tmp/x", "/srv/app/made"}, ""),
            (Texts{"/srv/app/**", "/tmp/**", "/tmp/go/**", "build/**"}));
}

TEST(Learning, AsksForPrivateAddressesWhereThatWasTheRule) {
  policy::Policy base = *policy::parse("version = 1\n", "base.toml");
  Learner learner(base, "/home/me", "/srv/app");
  learner.add(
      record(1, "network.connection", {{"host", "in.test"}, {"port", 80}, {"verdict", "allow"}, {"rule", "*"}}));
  learner.add(record(
      2, "network.closed",
      {{"host", "in.test"}, {"port", 80}, {"verdict", "allow"}, {"rule", "in.test private"}, {"address", "10.0.0.1"}}));
  learner.add(
      record(3, "network.connection", {{"host", "in.test"}, {"port", 443}, {"verdict", "allow"}, {"rule", "*"}}));
  base::Result<policy::Policy> learned = policy::parse(learner.write("least", "x", nowhere), "least.toml");
  ASSERT_TRUE(learned);
  ASSERT_EQ(learned->egress.rules.size(), 2u);
  EXPECT_EQ(core::to_text(learned->egress.rules[0]), "in.test:443");
  EXPECT_EQ(core::to_text(learned->egress.rules[1]), "in.test:80 private");
}

TEST(Learning, LeavesProgramsOpenWhereNestedSandboxesAre) {
  policy::Policy base = *policy::parse("version = 1\n[privileges]\nnested_sandboxes = true\n", "base.toml");
  Learner learner(base, "/home/me", "/srv/app");
  learner.add(record(1, "exec.started", {{"path", "/usr/bin/env"}, {"directory", "/"}}));
  base::Result<policy::Policy> learned = policy::parse(learner.write("least", "x", nowhere), "least.toml");
  ASSERT_TRUE(learned);
  EXPECT_EQ(learned->exec.fallback, core::Verdict::allow);
  EXPECT_TRUE(learned->nested_sandboxes);
}

}  // namespace
}  // namespace hv::service
