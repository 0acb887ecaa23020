#include "service/event_translation.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/format.h"
#include "base/json.h"
#include "base/text.h"
#include "core/redaction.h"
#include "monitor/record.h"
#include "shimwire/egress_codec.h"
#include "shimwire/protocol.h"

namespace hv::service {

namespace {

using base::Failure;
using base::Result;
using core::Event;
using shimwire::SpoolFamily;

std::string error_name(int number) {
  const char* name = ::strerrorname_np(number);
  return name != nullptr ? std::string(name) : std::to_string(number);
}

Result<Event> host_port_event(std::string_view payload, bool closed) {
  auto port = HV_TRY(shimwire::decode<shimwire::HostPortEvent>(payload));
  Event event;
  event.kind = closed ? "host_port.closed" : "host_port.connected";
  event.trust = core::Trust::gateway;
  event.payload = {{"connection", port.connection}, {"port", port.port}};
  if (closed) {
    event.payload["bytes_in"] = port.bytes_in;
    event.payload["bytes_out"] = port.bytes_out;
  }
  if (port.pid > 0) event.payload["pid"] = port.pid;
  if (!port.program.empty()) event.payload["program"] = base::printable(port.program);
  if (port.error_number != 0) event.payload["error"] = error_name(port.error_number);
  return event;
}

// Everything in it was chosen by the agent or the internet, but passed the gateway's readers: bounded, and printable
// here.
base::json::Object network_payload(const core::NetworkEvent& network) {
  base::json::Object payload;
  auto text = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) payload[name] = base::printable(value);
  };
  auto number = [&](std::string_view name, uint64_t value) {
    if (value != 0) payload[name] = value;
  };
  number("connection", network.connection);
  number("pid", static_cast<uint64_t>(network.process > 0 ? network.process : 0));
  text("program", network.program);
  text("host", network.name);
  text("address", network.address);
  number("port", network.port);
  text("protocol", network.protocol);
  text("sni", network.sni);
  text("method", network.method);
  text("path", network.path);
  payload["verdict"] = core::name_of(network.verdict);
  text("rule", network.rule);
  text("origin", network.origin);
  text("error", network.error);
  if (network.count > 1) payload["count"] = network.count;
  // They were taken out before it was told.
  uint64_t redacted = 0;
  for (const std::string* told : {&network.path, &network.name, &network.sni})
    for (size_t at = told->find(core::kRedacted); at != std::string::npos;
         at = told->find(core::kRedacted, at + core::kRedacted.size()))
      ++redacted;
  number("redacted", redacted);
  return payload;
}

// What an honest program may run into is low; what a careful reader would want to look at is medium: an allowed name
// that leads into a private network, bytes that do not belong to the name they were sent to.
core::Risk refusal_risk(const core::NetworkEvent& network) {
  static constexpr std::array<std::string_view, 5> telling{"SNI", "Host", "strict HTTP", "strict TLS",
                                                           "private address"};
  return std::ranges::find(telling, network.rule) != telling.end() ? core::Risk::medium : core::Risk::low;
}

Result<Event> network_event(std::string_view bytes, bool attempt) {
  using Kind = core::NetworkEvent::Kind;
  core::NetworkEvent network = HV_TRY(shimwire::decode_network_event(bytes));
  Event event;
  event.trust = core::Trust::gateway;
  event.payload = network_payload(network);
  bool allowed = network.verdict == core::Verdict::allow;
  if (network.kind == Kind::dns) {
    event.kind = "network.dns";
  } else if (!allowed) {
    event.kind = "network.denied";
    event.risk = refusal_risk(network);
    event.payload["what"] = core::name_of(network.kind);
  } else if (attempt) {
    event.kind = network.kind == Kind::request ? "network.request" : "network.connection";
  } else {
    event.kind = "network.closed";
    event.payload["bytes_in"] = network.bytes_in;
    event.payload["bytes_out"] = network.bytes_out;
    event.payload["milliseconds"] = network.duration_ms;
  }
  return event;
}

// A program that `run` or `exec` started has ended; what it started in its turn is known by exec.started alone.
Result<Event> job_event(std::string_view payload) {
  auto job = HV_TRY(shimwire::decode<shimwire::JobEnded>(payload));
  Event event;
  event.kind = "exec.exited";
  event.payload = {{"job", job.job}, {"program", base::printable(job.program)}, {"status", job.status}};
  if (job.exec_errno != 0) event.payload["error"] = error_name(job.exec_errno);
  return event;
}

Result<Event> note_event(std::string_view text) {
  base::json::Value note = HV_TRY(base::json::parse(text));
  auto reader = HV_TRY(base::json::ObjectReader::over(note));
  Event event;
  event.kind = HV_TRY(reader.string("kind"));
  const base::json::Value* payload = reader.member("payload");
  HV_TRY(reader.finish());
  if (payload == nullptr || !payload->is_object())
    return Failure(base::invalid_argument("'payload' must be an object"));
  if (!event.kind.starts_with("sandbox.") && !event.kind.starts_with("workspace."))
    return Failure(base::invalid_argument(
        base::format("a supervisor may not record '{}'", base::printable(std::string_view(event.kind).substr(0, 64)))));
  event.principal = "system";
  if (event.kind == "sandbox.limit_reached") event.risk = core::Risk::low;
  if (event.kind == "sandbox.network_lost" || event.kind == "workspace.not_kept") event.risk = core::Risk::medium;
  event.payload = payload->get_object();
  return event;
}

Result<Event> read_payload(const shimwire::SpoolRecord& record) {
  switch (record.family) {
    case SpoolFamily::monitor:
      return monitor::to_event(HV_TRY(monitor::decode(record.payload)));
    case SpoolFamily::host_port_connected:
      return host_port_event(record.payload, false);
    case SpoolFamily::host_port_closed:
      return host_port_event(record.payload, true);
    case SpoolFamily::job_ended:
      return job_event(record.payload);
    case SpoolFamily::note:
      return note_event(record.payload);
    case SpoolFamily::network_attempt:
      return network_event(record.payload, true);
    case SpoolFamily::network_told:
      return network_event(record.payload, false);
  }
  return Failure(base::invalid_argument(base::format("unknown family {}", static_cast<int>(record.family))));
}

}  // namespace

Result<Event> to_event(const shimwire::SpoolRecord& record, const std::string& sandbox_id) {
  Event event = HV_TRY_CONTEXT(read_payload(record),
                               base::format("read record {} of sandbox {}'s spool", record.sequence, sandbox_id));
  event.wall = record.wall;
  event.monotonic = record.monotonic;
  event.sandbox = sandbox_id;
  if (event.principal.empty()) event.principal = "agent:" + sandbox_id;
  event.origin = core::Origin{sandbox_id, record.sequence};
  return event;
}

void count_network(core::NetworkUsage& usage, const shimwire::SpoolRecord& record) {
  using Kind = core::NetworkEvent::Kind;
  bool attempt = record.family == SpoolFamily::network_attempt;
  if (!attempt && record.family != SpoolFamily::network_told) return;
  Result<core::NetworkEvent> network = shimwire::decode_network_event(record.payload);
  if (!network || network->kind == Kind::dns) return;
  if (network->verdict != core::Verdict::allow) {
    usage.denied += network->count;
  } else if (network->kind == Kind::connection && attempt) {
    ++usage.connections;
  } else if (network->kind == Kind::connection) {
    usage.bytes_in += network->bytes_in;
    usage.bytes_out += network->bytes_out;
  }
}

}  // namespace hv::service
