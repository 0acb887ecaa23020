#include "service/event_translation.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "base/json.h"
#include "monitor/record.h"
#include "shimwire/egress_codec.h"
#include "shimwire/protocol.h"

namespace hv::service {
namespace {

using shimwire::SpoolFamily;
using shimwire::SpoolRecord;

const std::string kSandbox = "s0123456789abcdef";

SpoolRecord record_of(SpoolFamily family, std::string payload) {
  return {7, base::WallTime(std::chrono::seconds(1000)), base::MonotonicTime(55), family, std::move(payload)};
}

std::string payload_of(const base::Result<core::Event>& event) {
  return event ? base::json::serialize(event->payload) : event.error().text();
}

TEST(EventTranslation, AnExecAttemptIsTheAgentsClaimAtItsPlaceInTheSpool) {
  monitor::ExecAttempt attempt;
  attempt.pid = 12;
  attempt.path = "/bin/sh";
  attempt.arguments = {"sh", "-c", "id"};
  auto event = to_event(record_of(SpoolFamily::monitor, monitor::encode(attempt)), kSandbox);
  ASSERT_TRUE(event) << event.error().text();
  EXPECT_EQ(event->kind, "exec.started");
  EXPECT_EQ(event->trust, core::Trust::claimed);
  EXPECT_EQ(event->sandbox, kSandbox);
  EXPECT_EQ(event->principal, "agent:" + kSandbox);
  EXPECT_EQ(event->wall, base::WallTime(std::chrono::seconds(1000)));
  EXPECT_EQ(event->monotonic, base::MonotonicTime(55));
  ASSERT_TRUE(event->origin);
  EXPECT_EQ(event->origin->spool, kSandbox);
  EXPECT_EQ(event->origin->sequence, 7u);
}

TEST(EventTranslation, ADeniedCallIsObserved) {
  monitor::DeniedCall denied;
  denied.number = 0xffff;
  denied.error = EPERM;
  auto event = to_event(record_of(SpoolFamily::monitor, monitor::encode(denied)), kSandbox);
  ASSERT_TRUE(event) << event.error().text();
  EXPECT_EQ(event->kind, "call.denied");
  EXPECT_EQ(event->trust, core::Trust::observed);
}

TEST(EventTranslation, HostPortConnectionsAreWhatTheGatewaySaw) {
  shimwire::HostPortEvent port{3, 8080, 10, 20, 0, 77, "/usr/bin/psql"};
  auto connected = to_event(record_of(SpoolFamily::host_port_connected, shimwire::encode(port)), kSandbox);
  EXPECT_EQ(payload_of(connected), R"({"connection":3,"port":8080,"pid":77,"program":"/usr/bin/psql"})");
  port.pid = 0;
  port.program.clear();
  port.error_number = ECONNREFUSED;
  auto closed = to_event(record_of(SpoolFamily::host_port_closed, shimwire::encode(port)), kSandbox);
  EXPECT_EQ(payload_of(closed), R"({"connection":3,"port":8080,"bytes_in":10,"bytes_out":20,"error":"ECONNREFUSED"})");
  ASSERT_TRUE(connected && closed);
  EXPECT_EQ(connected->kind, "host_port.connected");
  EXPECT_EQ(closed->kind, "host_port.closed");
  EXPECT_EQ(closed->trust, core::Trust::gateway);
}

TEST(EventTranslation, NetworkEventsAreNamedByWhatHappened) {
  core::NetworkEvent network;
  network.connection = 4;
  network.name = "api.example.org";
  network.port = 80;
  network.method = "GET";
  network.path = "/v1\x1b[2J";
  network.verdict = core::Verdict::allow;
  network.rule = "*.example.org";
  network.bytes_in = 10;
  auto kind = [&](SpoolFamily family) {
    auto event = to_event(record_of(family, shimwire::encode(network)), kSandbox);
    return event ? event->kind : event.error().text();
  };
  EXPECT_EQ(kind(SpoolFamily::network_attempt), "network.connection");
  EXPECT_EQ(kind(SpoolFamily::network_told), "network.closed");
  network.kind = core::NetworkEvent::Kind::request;
  EXPECT_EQ(kind(SpoolFamily::network_attempt), "network.request");
  network.verdict = core::Verdict::ask;
  network.count = 3;
  auto denied = to_event(record_of(SpoolFamily::network_told, shimwire::encode(network)), kSandbox);
  EXPECT_EQ(denied->kind, "network.denied");
  EXPECT_EQ(denied->trust, core::Trust::gateway);
  EXPECT_EQ(payload_of(denied),
            R"({"connection":4,"host":"api.example.org","port":80,"method":"GET","path":"/v1\\x1b[2J",)"
            R"("verdict":"ask","rule":"*.example.org","count":3,"what":"request"})");
  network.kind = core::NetworkEvent::Kind::dns;
  EXPECT_EQ(kind(SpoolFamily::network_told), "network.dns");
  EXPECT_FALSE(to_event(record_of(SpoolFamily::network_told, "x"), kSandbox));
}

TEST(EventTranslation, AnEndedJobTellsItsStatusAndWhyItCouldNotBeExecuted) {
  auto event = to_event(
      record_of(SpoolFamily::job_ended, shimwire::encode(shimwire::JobEnded{1, 127, ENOENT, "a\x1b"})), kSandbox);
  EXPECT_EQ(payload_of(event), R"({"job":1,"program":"a\\x1b","status":127,"error":"ENOENT"})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, "exec.exited");
}

TEST(EventTranslation, ANoteSpeaksOfTheSandboxsLifeOnly) {
  auto event =
      to_event(record_of(SpoolFamily::note, R"({"kind":"sandbox.frozen","payload":{"why":"disk"}})"), kSandbox);
  ASSERT_TRUE(event) << event.error().text();
  EXPECT_EQ(event->kind, "sandbox.frozen");
  EXPECT_EQ(event->principal, "system");
  EXPECT_EQ(payload_of(event), R"({"why":"disk"})");
  for (const char* note : {R"({"kind":"ledger.key_rotated","payload":{}})", R"({"kind":"sandbox.frozen"})",
                           R"({"kind":"sandbox.frozen","payload":[]})",
                           R"({"kind":"sandbox.frozen","payload":{},"trust":"observed"})", "nonsense"}) {
    auto refused = to_event(record_of(SpoolFamily::note, note), kSandbox);
    ASSERT_FALSE(refused) << note;
    EXPECT_EQ(refused.error().code(), base::ErrorCode::invalid_argument) << note;
    EXPECT_NE(refused.error().message().find("record 7"), std::string::npos);
  }
}

TEST(EventTranslation, RefusesRecordsThatNoSupervisorWrites) {
  EXPECT_FALSE(to_event(record_of(static_cast<SpoolFamily>(99), ""), kSandbox));
  EXPECT_FALSE(to_event(record_of(SpoolFamily::monitor, "\xff"), kSandbox));
  EXPECT_FALSE(to_event(record_of(SpoolFamily::job_ended, "short"), kSandbox));
  std::string trailing = shimwire::encode(shimwire::HostPortEvent{}) + "x";
  EXPECT_FALSE(to_event(record_of(SpoolFamily::host_port_closed, trailing), kSandbox));
}

}  // namespace
}  // namespace hv::service
