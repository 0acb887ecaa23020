#include "cli/sandbox_view.h"

#include <gtest/gtest.h>

#include "base/format.h"
#include "base/text.h"
#include "cli/golden_test.h"
#include "cli/layout.h"
#include "cli/sample_test.h"

namespace hv::cli {

TEST(SandboxView, ListsTheNewestFirstAtEveryWidth) {
  for (size_t width : {size_t{60}, size_t{80}, size_t{120}}) {
    std::string text = list_text({hostile_sandbox(), sample_sandbox()}, sample_now(), width);
    EXPECT_EQ(text, golden(base::format("ls_{}", width), text));
    for (const std::string& line : base::split(text, '\n')) EXPECT_LE(display_width(line), width);
  }
}

TEST(SandboxView, ShowsEverythingAboutOne) {
  EXPECT_EQ(inspect_text(sample_sandbox(), sample_now(), 80),
            golden("inspect_80", inspect_text(sample_sandbox(), sample_now(), 80)));
  std::string ended = inspect_text(hostile_sandbox(), sample_now(), 80);
  EXPECT_NE(ended.find("ended:        signalled 9"), std::string::npos) << ended;
  EXPECT_EQ(ended.find('\x1b'), std::string::npos);
}

TEST(SandboxView, ShowsTheRulesOfBehaviorAndWhatTheyMadeScarce) {
  core::SandboxInfo sandbox = sample_sandbox();
  std::string before = inspect_text(sandbox, sample_now(), 120);
  EXPECT_EQ(before.find("BEHAVIOR"), std::string::npos);
  core::BehaviorRuleInfo rule;
  rule.name = "storm";
  rule.watches = "more than 20 exec.started in 30s";
  rule.response = {core::Response::alert, core::Response::throttle_network};
  rule.status = core::BehaviorStatus::cooling_down;
  rule.fired = 2;
  core::BehaviorRuleInfo idle = rule;
  idle.name = "new\x1b[31m";
  idle.dry_run = true;
  idle.status = core::BehaviorStatus::armed;
  idle.fired = 0;
  sandbox.behavior = {rule, idle};
  sandbox.throttled = {{core::Response::throttle_network, "storm", {}, 65536, sample_now()}};
  std::string text = inspect_text(sandbox, sample_now(), 120);
  EXPECT_NE(text.find("storm"), std::string::npos) << text;
  EXPECT_NE(text.find("alert, then throttle-network"), std::string::npos) << text;
  EXPECT_NE(text.find("fired 2, cooling down"), std::string::npos) << text;
  EXPECT_NE(text.find("(dry run)"), std::string::npos) << text;
  EXPECT_NE(text.find("armed"), std::string::npos) << text;
  EXPECT_NE(text.find("network 64 KiB/s until"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(SandboxView, TellsAgesInOneUnit) {
  base::WallTime now = sample_now();
  EXPECT_EQ(age_text(now, now), "just now");
  EXPECT_EQ(age_text(now + std::chrono::hours(1), now), "just now");
  EXPECT_EQ(age_text(now - std::chrono::seconds(59), now), "59s ago");
  EXPECT_EQ(age_text(now - std::chrono::minutes(61), now), "1h ago");
  EXPECT_EQ(age_text(now - std::chrono::hours(47), now), "47h ago");
  EXPECT_EQ(age_text(now - std::chrono::hours(49), now), "2d ago");
}

TEST(SandboxView, SaysWhatThisMachineDoesNotTell) {
  core::SandboxStats stats;
  stats.state = core::SandboxState::running;
  stats.memory_bytes = 6291456;
  stats.processes = 3;
  stats.cpu_nanoseconds = 1'234'567'890;
  stats.io_written_bytes = 2048;
  stats.connections = 12;
  stats.connections_denied = 0;
  EXPECT_EQ(stats_text({{"web", stats}}, kUnlimited),
            "NAME  STATE    MEMORY  PEAK  PROCESSES  CPU    READ  WRITTEN  DISK  CONNECTIONS  DENIED\n"
            "web   running  6 MiB   -     3          1.23s  -     2 KiB    -     12           0\n");
}

TEST(SandboxView, SaysWhatMayBeReachedAndWhoSaysSo) {
  core::SandboxInfo sandbox;
  sandbox.name = "web";
  sandbox.policy = "restricted";
  EXPECT_EQ(network_text(sandbox, kUnlimited), "web has no network\n");
  sandbox.host_ports = {8080};
  EXPECT_EQ(network_text(sandbox, kUnlimited), "web has no network but its host ports\n");
  sandbox.network = {true,
                     core::Verdict::deny,
                     {{core::Verdict::allow, "*.example.org:443", "--allow"},
                      {core::Verdict::deny, "bad.example.org", "policy restricted:12"}}};
  EXPECT_EQ(network_text(sandbox, kUnlimited),
            "VERDICT  HOST               FROM\n"
            "allow    *.example.org:443  --allow\n"
            "deny     bad.example.org    policy restricted:12\n"
            "deny     everything else    policy restricted\n"
            "\n");
}

}  // namespace hv::cli
