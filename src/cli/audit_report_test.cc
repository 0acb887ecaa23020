#include "cli/audit_report.h"

#include <gtest/gtest.h>

#include "cli/audit_report_view.h"
#include "cli/golden_test.h"
#include "cli/layout.h"

namespace hv::cli {
namespace {

using base::json::Array;
using base::json::Object;

class ReportTest : public testing::Test {
 protected:
  void add(std::string kind, Object payload, core::Risk risk = core::Risk::info, std::string principal = "user:1000") {
    core::AuditRecord record;
    record.index = 100 + count_;
    record.event.wall = *base::from_rfc3339("2026-11-23T18:00:00Z") + std::chrono::seconds(count_++);
    record.event.kind = std::move(kind);
    record.event.sandbox = "s0123456789abcdef";
    record.event.principal = std::move(principal);
    record.event.risk = risk;
    record.event.payload = std::move(payload);
    record.durability = core::Durability::sealed;
    report_.add(record);
  }
  void add_a_night() {
    add("sandbox.starting", {{"name", "web"},
                             {"command", Array{"claude", "--print", "fix the bug"}},
                             {"policy", "standard"},
                             {"workspace", "/home/u/shop"},
                             {"mode", "cow"}});
    add("sandbox.started", {{"name", "web"}, {"pid", 12}, {"degraded", Array{"landlock: ABI 3"}}});
    add("exec.started", {{"path", "/usr/bin/git"}, {"arguments", Array{"git", "status"}}, {"redacted", 2}});
    add("exec.repeated", {{"path", "/usr/bin/git"}, {"count", 41}});
    add("exec.observed", {{"executable", "/usr/bin/git"}});
    add("exec.started", {{"path", "/tmp/\x1b[31m|evil`x`"}});
    add("exec.observed", {{"executable", "/usr/bin/nc"}});
    add("call.denied", {{"call", "bpf"}, {"error", "EPERM"}, {"count", 3}}, core::Risk::high);
    add("network.connection", {{"host", "api.example.org"}, {"port", 443}, {"verdict", "allow"}});
    add("network.closed", {{"host", "api.example.org"}, {"port", 443}, {"bytes_in", 2048}, {"bytes_out", 100}});
    add("network.denied",
        {{"host", "evil.test"}, {"port", 443}, {"verdict", "deny"}, {"rule", "default"}, {"count", 7}},
        core::Risk::low);
    add("network.changed", {{"name", "web"}, {"allow", Array{"packages.example.org:443"}}});
    add("exec.exited", {{"job", 1}, {"program", "nope"}, {"status", 127}, {"error", "ENOENT"}});
    add("exec.started", {{"pid", 41}, {"path", "/bin/make"}, {"arguments", Array{"make", "te|st"}}});
    add("exec.started", {{"pid", 42}, {"path", "/bin/grep"}, {"arguments", Array{"grep", "-q", "x y"}}});
    add("exec.started", {{"pid", 43}, {"path", "/bin/grep"}, {"arguments", Array{"grep", "-q", "x y"}}});
    add("process.exited", {{"pid", 41}, {"status", 139}, {"signal", "SIGSEGV"}, {"milliseconds", 5}}, core::Risk::low);
    add("process.exited", {{"status", 1}, {"milliseconds", 5}, {"count", 2}, {"pids", Array{42, 43}}});
    add("process.exited", {{"pid", 44}, {"executable", "/bin/x"}, {"status", 2}, {"milliseconds", 5}});
    add("process.exited", {{"pid", 45}, {"status", 137}, {"signal", "SIGKILL"}, {"milliseconds", 5}});
    add("process.exited", {{"pid", 46}, {"status", 0}, {"milliseconds", 5}});
    add("sandbox.stopped", {{"name", "web"}, {"outcome", "exited"}, {"code", 0}});
    add("file.modified", {{"path", "/home/u/shop/src/a.c"}, {"type", "regular"}, {"while_running", true}});
    add("file.modified", {{"path", "/home/u/shop/src/a.c"}, {"type", "regular"}});
    add("file.renamed", {{"path", "/home/u/shop/b|\x1b[1m"}, {"old_path", "/home/u/shop/a"}, {"type", "regular"}});
    add("file.created", {{"path", "/home/u/shop/node_modules"}, {"count", 2000}, {"paths", Array{}}});
    add("workspace.applied", {{"count", 2},
                              {"paths", Array{"src/a.c", "doc/[x](http://y)"}},
                              {"held", Array{".envrc"}},
                              {"conflicts", Array{}},
                              {"commits", Array{}}});
  }
  AuditReport report_;
  uint64_t count_ = 0;
};

TEST_F(ReportTest, SumsUpANight) {
  add_a_night();
  EXPECT_EQ(report_.programs_started, 46u);
  EXPECT_EQ(report_.programs.at("/usr/bin/git"), 42u);
  EXPECT_EQ(report_.hosts.at("api.example.org:443").bytes_in, 2048u);
  EXPECT_EQ(report_.hosts.at("evil.test:443").refused, 7u);
  EXPECT_EQ(report_.refused_calls.at("bpf").count, 3u);
  EXPECT_EQ(report_.redacted, 2u);
  EXPECT_EQ(report_.changed_paths.size(), 2u);
  EXPECT_EQ(report_.files.at("created"), 2000u);
  EXPECT_EQ(report_.files.at("modified"), 1u);
  EXPECT_EQ(report_.files.at("renamed"), 1u);
  ASSERT_EQ(report_.runs.size(), 1u);
  EXPECT_EQ(report_.runs[0].ended, "exited 0");
  ASSERT_EQ(report_.remarkable.size(), 1u);
  EXPECT_EQ(report_.remarkable[0].index, 107u);
}

TEST_F(ReportTest, OfWhatFailedSaysTheCommandAndHowOften) {
  add_a_night();
  ASSERT_EQ(report_.failed_commands.size(), 3u);
  EXPECT_EQ(report_.failed_commands[0].signal, "SIGSEGV");
  EXPECT_EQ(report_.failed_commands[0].command, (std::vector<std::string>{"make", "te|st"}));
  EXPECT_EQ(report_.failed_commands[1].count, 2u);
  EXPECT_EQ(report_.failed_commands[2].executable, "/bin/x");
  EXPECT_TRUE(report_.failed_commands[2].command.empty());
}

TEST_F(ReportTest, IsOnePageOnATerminal) {
  add_a_night();
  std::string text = report_text(report_, 100);
  EXPECT_EQ(text, golden("report_100", text));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    EXPECT_LE(display_width(text.substr(at, end - at)), 100u);
}

TEST_F(ReportTest, InMarkdownNothingOfTheAgentsIsMarkup) {
  add_a_night();
  std::string text = report_markdown(report_);
  EXPECT_EQ(text, golden("report_markdown", text));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("[x](http"), std::string::npos);
  EXPECT_EQ(text.find(" `x`"), std::string::npos);
}

TEST_F(ReportTest, OfNothingIsStillAPage) {
  EXPECT_NE(report_text(report_, 80).find("no file was applied"), std::string::npos);
  EXPECT_TRUE(report_json(report_).is_object());
}

TEST_F(ReportTest, AsJsonHasEverySum) {
  add_a_night();
  base::json::Value value = report_json(report_);
  EXPECT_EQ(value.at("programs_started"), 46);
  EXPECT_EQ(value.at("failed_commands").at(1).at("count"), 2);
  EXPECT_EQ(value.at("hosts").at(0).at("host"), "api.example.org:443");
  EXPECT_EQ(value.at("runs").at(0).at("ended"), "exited 0");
  EXPECT_EQ(value.at("refused_calls").at(0).at("call"), "bpf");
}

}  // namespace
}  // namespace hv::cli
