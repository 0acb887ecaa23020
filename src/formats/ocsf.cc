#include "formats/ocsf.h"

#include <array>
#include <chrono>

#include "base/format.h"
#include "base/text.h"
#include "base/version.h"
#include "core/event_kinds.h"
#include "formats/content.h"

namespace hv::formats {

namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr std::string_view kSchemaVersion = "1.4.0";
constexpr uint32_t kOther = 99;

std::string text_of(const Object& payload, std::string_view name) {
  const Value* value = payload.if_contains(name);
  if (value == nullptr) return {};
  return value->is_string() ? std::string(std::string_view(value->get_string())) : base::json::serialize(*value);
}

// Copies a member, when it is there, under the framework's name.
void take(const Object& payload, std::string_view name, Object& into, std::string_view as) {
  if (const Value* value = payload.if_contains(name)) into[as] = *value;
}

std::string base_name(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  return name.empty() ? "/" : name;
}

int severity_id(core::Risk risk) {
  return static_cast<int>(risk) + 1;
}

Object product() {
  return {{"name", "Hydravisor"}, {"vendor_name", "Hydravisor"}, {"version", std::string(base::kVersion)}};
}

Object actor_of(const core::Event& event) {
  if (event.principal.starts_with("user:"))
    return {{"user", Object{{"uid", event.principal.substr(5)}, {"name", event.principal}}}};
  Object actor{{"app_name", event.principal}};
  if (!event.sandbox.empty()) actor["app_uid"] = event.sandbox;
  return actor;
}

std::string command_line(const Object& payload) {
  std::vector<std::string> words;
  for (std::string_view name : {"arguments", "command"})
    if (const Value* list = payload.if_contains(name); list != nullptr && list->is_array())
      for (const Value& word : list->get_array())
        if (word.is_string()) words.push_back(base::shell_quote(std::string_view(word.get_string())));
  return base::join(words, " ");
}

Object process_of(const core::Event& event) {
  const Object& payload = event.payload;
  Object process;
  take(payload, "pid", process, "pid");
  // Where the number is not known, the sandbox and its job name it.
  if (!payload.contains("pid")) process["uid"] = event.sandbox + "/" + text_of(payload, "job");
  for (std::string_view name : {"path", "executable", "program"})
    if (std::string path = text_of(payload, name); !path.empty()) {
      process["name"] = base_name(path);
      process["file"] = Object{{"name", base_name(path)}, {"path", path}, {"type_id", 1}};
      break;
    }
  if (std::string line = command_line(payload); !line.empty()) process["cmd_line"] = line;
  take(payload, "directory", process, "working_directory");
  if (payload.contains("parent")) {
    Object parent;
    take(payload, "parent", parent, "pid");
    process["parent_process"] = std::move(parent);
  }
  return process;
}

Object destination_of(const Object& payload) {
  Object endpoint;
  take(payload, "host", endpoint, "hostname");
  take(payload, "address", endpoint, "ip");
  take(payload, "port", endpoint, "port");
  if (endpoint.empty() || (!endpoint.contains("hostname") && !endpoint.contains("ip")))
    endpoint["name"] = "this machine";
  return endpoint;
}

uint32_t http_activity(std::string_view method) {
  constexpr std::array<std::string_view, 9> kMethods{"CONNECT", "DELETE", "GET",   "HEAD", "OPTIONS",
                                                     "POST",    "PUT",    "TRACE", "PATCH"};
  for (uint32_t i = 0; i < kMethods.size(); ++i)
    if (kMethods[i] == method) return i + 1;
  return kOther;
}

void add_network(const core::Event& event, Object& out) {
  const Object& payload = event.payload;
  out["src_endpoint"] = Object{{"uid", event.sandbox.empty() ? "-" : event.sandbox}, {"name", event.sandbox}};
  out["dst_endpoint"] = destination_of(payload);
  Object connection{{"direction_id", 2}, {"protocol_name", "tcp"}};
  if (payload.contains("connection")) connection["uid"] = text_of(payload, "connection");
  out["connection_info"] = std::move(connection);
  Object traffic;
  take(payload, "bytes_in", traffic, "bytes_in");
  take(payload, "bytes_out", traffic, "bytes_out");
  if (!traffic.empty()) out["traffic"] = std::move(traffic);
  take(payload, "milliseconds", out, "duration");
  if (payload.contains("rule")) out["firewall_rule"] = Object{{"name", text_of(payload, "rule")}};
}

void add_request(const Object& payload, Object& out) {
  std::string host = text_of(payload, "host");
  std::string path = text_of(payload, "path");
  Object url{{"hostname", host}, {"path", path}, {"scheme", "http"}};
  url["url_string"] = base::format("http://{}:{}{}", host, text_of(payload, "port"), path);
  take(payload, "port", url, "port");
  out["http_request"] = Object{{"http_method", text_of(payload, "method")}, {"url", std::move(url)}};
}

void add_question(const core::Event& event, Object& out) {
  const Object& payload = event.payload;
  out["src_endpoint"] = Object{{"uid", event.sandbox}};
  out["dst_endpoint"] = Object{{"name", "Hydravisor's DNS"}};
  out["query"] = Object{{"hostname", text_of(payload, "host")}, {"type", text_of(payload, "protocol")}};
  if (payload.contains("address")) out["answers"] = Array{Object{{"rdata", text_of(payload, "address")}}};
  out["rcode_id"] = payload.contains("address") ? 0 : 3;
}

// A fold is about a directory. Of a rename the file is the old one, and the result the new one.
void add_file(const Object& payload, Object& out) {
  auto described = [&](std::string_view member) {
    std::string path = text_of(payload, member);
    std::string type = text_of(payload, "type");
    bool directory = type == "directory" || payload.contains("count");
    uint32_t type_id = directory ? 2 : type == "symlink" ? 7 : type == "other" ? kOther : 1;
    Object file{{"name", base_name(path)}, {"path", path}, {"type_id", type_id}};
    if (payload.contains("size")) take(payload, "size", file, "size");
    return file;
  };
  out["file"] = described(payload.contains("old_path") ? "old_path" : "path");
  if (payload.contains("old_path")) out["file_result"] = described("path");
}

// What each class asks for besides the members of all.
void add_class(const core::EventKind& kind, const core::AuditRecord& record, const std::string& host, Object& out) {
  const core::Event& event = record.event;
  Object device{{"type_id", 0}, {"hostname", host}};
  switch (kind.ocsf_class) {
    case 1001:
      out["actor"] = actor_of(event);
      out["device"] = std::move(device);
      out["file"] = Object{{"name", event.payload.contains("path")   ? base_name(text_of(event.payload, "path"))
                                    : event.kind.starts_with("home") ? text_of(event.payload, "key")
                                                                     : "workspace of " + event.sandbox},
                           {"type_id", event.payload.contains("path") ? 1 : 2}};
      if (event.kind.starts_with("file.")) add_file(event.payload, out);
      break;
    case 1003:
      out["actor"] = actor_of(event);
      out["device"] = std::move(device);
      out["kernel"] = Object{{"name", text_of(event.payload, "call")}, {"type_id", 2}};
      break;
    case 1007:
      out["actor"] = actor_of(event);
      out["device"] = std::move(device);
      out["process"] = process_of(event);
      if (event.payload.contains("status")) take(event.payload, "status", out, "exit_code");
      break;
    case 1008:
      out["actor"] = actor_of(event);
      out["device"] = std::move(device);
      out["log_name"] = "Hydravisor ledger";
      break;
    case 2003: {
      bool held = event.payload.contains("got_through") && text_of(event.payload, "got_through") == "0";
      out["finding_info"] = Object{{"uid", base::format("probe/{}", record.index)}, {"title", "Probes of a sandbox"}};
      out["compliance"] = Object{{"standards", Array{"Hydravisor probes"}}, {"status_id", held ? 1 : 3}};
      break;
    }
    case 2004:
      out["finding_info"] = Object{{"uid", base::format("behavior/{}", record.index)},
                                   {"title", base::format("Rule of behavior '{}'", text_of(event.payload, "rule"))}};
      break;
    case 3001:
      out["actor"] = actor_of(event);
      out["device"] = std::move(device);
      out["user"] =
          Object{{"name", text_of(event.payload, "principal")}, {"credential_uid", text_of(event.payload, "token_id")}};
      break;
    case 3002:
      out["user"] = Object{{"uid", text_of(event.payload, "uid")}};
      out["service"] = Object{{"name", "hydravisord"}};
      break;
    case 4001:
      add_network(event, out);
      break;
    case 4002:
      add_network(event, out);
      add_request(event.payload, out);
      break;
    case 4003:
      add_question(event, out);
      break;
    case 6003:
      out["actor"] = actor_of(event);
      out["api"] =
          Object{{"operation", text_of(event.payload, "action")}, {"service", Object{{"name", "hydravisord"}}}};
      out["src_endpoint"] = Object{{"name", "localhost"}};
      break;
    case 6002: {
      Object app = product();
      app["name"] = event.sandbox.empty() ? "hydravisord" : "Hydravisor sandbox";
      if (!event.sandbox.empty()) app["uid"] = event.sandbox;
      out["app"] = std::move(app);
      out["actor"] = actor_of(event);
      out["device"] = std::move(device);
      break;
    }
    default:
      break;
  }
}

bool is_refusal(std::string_view kind) {
  return kind == "call.denied" || kind == "network.denied" || kind == "principal.refused" || kind == "access.denied" ||
         kind == "workspace.failed";
}

}  // namespace

Object to_ocsf(const core::AuditRecord& record, const std::string& host) {
  const core::Event& event = record.event;
  const core::EventKind* known = core::find_event_kind(event.kind);
  core::EventKind kind = known != nullptr ? *known : core::EventKind{event.kind, 0, kOther};
  if (kind.ocsf_class == 4002) kind.ocsf_activity = http_activity(text_of(event.payload, "method"));
  auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(event.wall.time_since_epoch()).count();
  Object out{{"activity_id", kind.ocsf_activity},
             {"category_uid", kind.ocsf_class / 1000},
             {"class_uid", kind.ocsf_class},
             {"type_uid", kind.ocsf_class * 100 + kind.ocsf_activity},
             {"time", milliseconds},
             {"severity_id", severity_id(event.risk)},
             {"status_id", is_refusal(event.kind) ? 2 : 1},
             {"message", event.kind}};
  if (kind.ocsf_activity == kOther) out["activity_name"] = event.kind;
  Object metadata{{"version", kSchemaVersion}, {"event_code", event.kind}, {"log_name", "Hydravisor ledger"}};
  metadata["product"] = product();
  metadata["sequence"] = record.index;
  metadata["original_time"] = base::to_rfc3339(event.wall);
  if (!record.leaf_hash.empty()) metadata["uid"] = record.leaf_hash;
  out["metadata"] = std::move(metadata);
  add_class(kind, record, host, out);
  Object unmapped{{"index", record.index},
                  {"principal", event.principal},
                  {"sandbox", event.sandbox},
                  {"trust", core::trust_name(event.trust)},
                  {"risk", core::risk_name(event.risk)},
                  {"payload_deleted", record.redacted}};
  unmapped["payload"] = content_of(record);
  out["unmapped"] = std::move(unmapped);
  return out;
}

}  // namespace hv::formats
