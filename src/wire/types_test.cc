#include "wire/types.h"

#include <gtest/gtest.h>

#include "wire/validate.h"

namespace hv::wire {
namespace {

core::RunRequest full_request() {
  core::RunRequest request;
  request.command = {"printf", "\xff\xfe"};
  request.name = "web";
  request.policy = "restricted";
  request.agent = "shell";
  request.rootfs = "/srv/root";
  request.workspace = {"/home/u/p", core::WorkspaceMode::live};
  request.directory = "/home/u/p/src";
  request.environment = {{"A", "1"}, {"RAW", "\x80"}};
  request.caller = {{{"PATH", "/bin"}}, "/home/u/p", "/home/u", 1000, 1000, 077, {{"nofile", 1024, std::nullopt}}};
  request.host_ports = {8080};
  request.network = core::NetworkMode::none;
  request.allow = {"example.org:443"};
  request.allow_private = {"db.internal:5432"};
  request.allow_nested = false;
  request.keep = true;
  request.fresh_home = true;
  request.read = {"/opt/tools"};
  request.write = {"/srv/\xff"};
  request.keep = false;
  request.labels = {{"team", "a"}};
  request.terminal = core::WindowSize{40, 120};
  request.limits = {.memory_bytes = uint64_t{1} << 40,
                    .pids = 100,
                    .cpu_millis = 1500,
                    .io_bytes = 1 << 20,
                    .open_files = 256,
                    .disk_bytes = 1 << 30,
                    .wall_millis = 7'200'000,
                    .idle_millis = 60'000,
                    .accept_unenforced = true};
  request.skipped_layers = {core::Layer::landlock};
  return request;
}

TEST(RunRequest, ComesBackAsItWasSent) {
  auto back = parse<core::RunRequest>(to_text(full_request()));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, full_request());
}

TEST(RunRequest, RefusesAnUnknownMemberAndNamesTheNearest) {
  base::json::Value value = to_json(full_request());
  value.as_object()["polcy"] = "x";
  auto back = from_json<core::RunRequest>(value);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), base::ErrorCode::invalid_argument);
  EXPECT_EQ(back.error().text(), "unknown member 'polcy' (did you mean 'policy'?)");
}

TEST(RunRequest, NamesThePathOfAFaultDeepInside) {
  base::json::Value value = to_json(full_request());
  value.as_object()["caller"].as_object()["limits"].as_array()[0].as_object()["soft"] = -1;
  auto back = from_json<core::RunRequest>(value);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().message(), "'caller.limits[0].soft' must be a whole number from 0 to 18446744073709551615");
}

TEST(RunRequest, RefusesPortsOutOfRange) {
  base::json::Value value = to_json(full_request());
  value.as_object()["host_ports"].as_array()[0] = 65536;
  EXPECT_EQ(from_json<core::RunRequest>(value).error().message(),
            "'host_ports[0]' must be a whole number from 0 to 65535");
}

TEST(RunRequest, RefusesNulInArguments) {
  base::json::Value value = to_json(full_request());
  value.as_object()["command"].as_array()[0] = base::json::Value(std::string_view("a\0b", 3));
  EXPECT_EQ(from_json<core::RunRequest>(value).error().message(), "'command[0]' must be free of NUL");
}

TEST(RunRequest, NeedsTheCallersSurroundings) {
  auto back = parse<core::RunRequest>(R"({"command":["true"],"workspace":{"mode":"none"}})");
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().message(), "'caller' is missing");
}

TEST(RunRequest, TakesNoLimitThatWouldLiftItOrLetNothingStart) {
  for (const char* name :
       {"memory_bytes", "pids", "cpu_millis", "io_bytes", "open_files", "disk_bytes", "wall_millis", "idle_millis"})
    for (uint64_t value : {0, 1, 16 << 20}) {
      base::json::Value json = to_json(full_request());
      json.as_object()["tier"] = "process";
      json.as_object()["network"] = "policy";
      json.as_object()["limits"] = base::json::Object{{name, value}};
      base::Status valid = validate(from_json<core::RunRequest>(json).value());
      EXPECT_EQ(valid.has_value(), value > 1) << name;
      if (!valid) EXPECT_NE(valid.error().message().find(std::string("'limits.") + name + "'"), std::string::npos);
    }
}

TEST(RunRequest, NamesTheLayersThatExist) {
  base::json::Value value = to_json(full_request());
  value.as_object()["skipped_layers"].as_array()[0] = "landlok";
  auto back = from_json<core::RunRequest>(value);
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message().find("'skipped_layers[0]': unknown layer 'landlok'"), std::string::npos);
  EXPECT_EQ(back.error().hint(), "did you mean 'landlock'?");
}

TEST(Requests, WithDefaultsOnlyMayBeEmpty) {
  EXPECT_EQ(parse<core::StopRequest>("")->grace_ms, 10'000u);
  EXPECT_TRUE(parse<core::ApplyRequest>("{}"));
  EXPECT_FALSE(parse<core::ExecRequest>(""));
}

TEST(SandboxInfo, ComesBackAsItWasSent) {
  core::SandboxInfo info;
  info.id = "s0123456789abcdef";
  info.name = "web";
  info.state = core::SandboxState::stopped;
  info.pid = 42;
  info.created = *base::from_rfc3339("2026-11-23T18:14:07.123456789Z");
  info.workspace = {"/w", core::WorkspaceMode::cow, 3};
  info.outcome = core::Outcome{core::Outcome::Kind::signalled, 9, ""};
  info.isolation.layers = {{"landlock", core::LayerStatus::partial, "ABI 2"}};
  std::string text = to_text(info);
  auto back = parse<core::SandboxInfo>(text);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(to_text(*back), text);
  EXPECT_EQ(back->outcome->exit_code(), 137);
}

TEST(AuditRecord, CarriesItsEventFlat) {
  core::AuditRecord record;
  record.index = 7;
  record.event.kind = "exec.started";
  record.event.trust = core::Trust::claimed;
  record.event.payload = {{"path", "/bin/sh"}};
  record.event.origin = core::Origin{"s1", 3};
  base::json::Value value = to_json(record);
  EXPECT_EQ(value.at("kind").as_string(), "exec.started");
  EXPECT_EQ(value.at("trust").as_string(), "claimed");
  auto back = from_json<core::AuditRecord>(value);
  ASSERT_TRUE(back);
  EXPECT_EQ(base::json::serialize(to_json(*back)), base::json::serialize(value));
}

TEST(Text, ThatIsNotUtf8IsMadeVisibleRatherThanSent) {
  core::SandboxInfo info;
  info.isolation.degraded = {"\xff"};
  std::string text = to_text(info);
  EXPECT_TRUE(parse<core::SandboxInfo>(text)) << text;
}

}  // namespace
}  // namespace hv::wire
