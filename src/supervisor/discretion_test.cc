#include "supervisor/discretion.h"

#include <gtest/gtest.h>

namespace hv::supervisor {
namespace {

Discretion discretion(const core::AuditRules& rules) {
  auto made = Discretion::of(rules);
  EXPECT_TRUE(made) << made.error().message();
  return *std::move(made);
}

monitor::Record attempt() {
  monitor::ExecAttempt attempt;
  attempt.path = "/opt/acme-0123abcd/run";
  attempt.arguments = {"run", "--acme-id", "x", "acme-0123abcd"};
  attempt.directory = "/project";
  return attempt;
}

monitor::Record claim_of_a() {
  monitor::FileClaim claim;
  claim.path = "/project/a";
  return claim;
}

TEST(Discretion, LeavesEverythingWhereThePolicySaysNothing) {
  monitor::Record record = attempt();
  EXPECT_TRUE(discretion({}).apply(record));
  EXPECT_EQ(record, attempt());
  monitor::Record claim = claim_of_a();
  EXPECT_TRUE(discretion({}).apply(claim));
}

TEST(Discretion, KeepsThePathAndTheNumberOfArguments) {
  core::AuditRules rules;
  rules.arguments = false;
  monitor::Record record = attempt();
  EXPECT_TRUE(discretion(rules).apply(record));
  const auto& kept = std::get<monitor::ExecAttempt>(record);
  EXPECT_EQ(kept.path, "/opt/acme-0123abcd/run");
  EXPECT_TRUE(kept.arguments.empty());
  EXPECT_EQ(kept.omitted, 3);
  // A program that was started without even its own name.
  monitor::Record bare = monitor::ExecAttempt{};
  EXPECT_TRUE(discretion(rules).apply(bare));
  EXPECT_EQ(std::get<monitor::ExecAttempt>(bare).omitted, 0);
}

TEST(Discretion, TakesOutAndCountsWhatThePolicyNames) {
  core::AuditRules rules;
  rules.redact_names = {"acme_*"};
  rules.redact_patterns = {"acme-[0-9a-f]{8}"};
  monitor::Record record = attempt();
  EXPECT_TRUE(discretion(rules).apply(record));
  const auto& kept = std::get<monitor::ExecAttempt>(record);
  EXPECT_EQ(kept.path, "/opt/[redacted]/run");
  EXPECT_EQ(kept.arguments, (std::vector<std::string>{"run", "--acme-id", "[redacted]", "[redacted]"}));
  EXPECT_EQ(kept.redacted, 3);
  monitor::FileSeen file;
  file.path = "/project/acme-0123abcd";
  file.old_path = "/project/acme-4567abcd";
  record = file;
  EXPECT_TRUE(discretion(rules).apply(record));
  EXPECT_EQ(std::get<monitor::FileSeen>(record).path, "/project/[redacted]");
  EXPECT_EQ(std::get<monitor::FileSeen>(record).old_path, "/project/[redacted]");
  core::NetworkEvent event;
  event.name = "acme-0123abcd.test";
  event.path = "/acme-0123abcd";
  discretion(rules).apply(event);
  EXPECT_EQ(event.name, "[redacted].test");
  EXPECT_EQ(event.path, "/[redacted]");
  EXPECT_EQ(discretion(rules).written({{"a", "acme-0123abcd"}}), R"({"a":"[redacted]"})");
}

TEST(Discretion, RecordsNoFilesAndNoPathsOfRequestsWhereThePolicySaysSo) {
  core::AuditRules rules;
  rules.files = rules.request_paths = false;
  monitor::Record claim = claim_of_a();
  EXPECT_FALSE(discretion(rules).apply(claim));
  monitor::Record seen = monitor::FileSeen{};
  EXPECT_FALSE(discretion(rules).apply(seen));
  EXPECT_TRUE(discretion({}).apply(seen));
  // Denials are never left out.
  monitor::Record denied = monitor::DeniedCall{.number = 101};
  EXPECT_TRUE(discretion(rules).apply(denied));
  core::NetworkEvent event;
  event.name = "a.test";
  event.method = "GET";
  event.path = "/secret";
  discretion(rules).apply(event);
  EXPECT_EQ(event.name, "a.test");
  EXPECT_EQ(event.method, "GET");
  EXPECT_EQ(event.path, "");
}

}  // namespace
}  // namespace hv::supervisor
