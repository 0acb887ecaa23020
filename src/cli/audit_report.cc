#include "cli/audit_report.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/text.h"

namespace hv::cli {

namespace {

using base::json::Object;
using base::json::Value;

std::string text_of(const Object& payload, std::string_view name) {
  const Value* value = payload.if_contains(name);
  if (value == nullptr) return {};
  return value->is_string() ? std::string(std::string_view(value->get_string())) : base::json::serialize(*value);
}

uint64_t number_of(const Object& payload, std::string_view name, uint64_t fallback = 0) {
  const Value* value = payload.if_contains(name);
  if (value == nullptr) return fallback;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() >= 0 ? static_cast<uint64_t>(value->get_int64()) : fallback;
}

std::vector<std::string> list_of(const Object& payload, std::string_view name) {
  std::vector<std::string> texts;
  const Value* value = payload.if_contains(name);
  if (value == nullptr || !value->is_array()) return texts;
  for (const Value& item : value->get_array())
    if (item.is_string()) texts.emplace_back(std::string_view(item.get_string()));
  return texts;
}

std::string counted(const Object& payload, std::string_view verb) {
  uint64_t count = number_of(payload, "count");
  std::string text = base::format("{} {} {}", verb, count, count == 1 ? "file" : "files");
  if (size_t held = list_of(payload, "held").size(); held > 0) text += base::format(", {} held back", held);
  if (size_t conflicts = list_of(payload, "conflicts").size(); conflicts > 0)
    text += base::format(", {} in conflict", conflicts);
  const Value* commits = payload.if_contains("commits");
  if (commits != nullptr && commits->is_array() && !commits->get_array().empty())
    text += base::format(", moved {} git references", commits->get_array().size());
  return text;
}

std::string ending_of(const Object& payload) {
  std::string text = text_of(payload, "outcome");
  if (payload.contains("code")) text += " " + text_of(payload, "code");
  std::string detail = text_of(payload, "detail");
  return detail.empty() ? text : text + ": " + detail;
}

std::string place_of(const Object& payload) {
  std::string host = text_of(payload, "host");
  if (host.empty()) host = text_of(payload, "address");
  if (host.empty()) host = "(unknown)";
  return payload.contains("port") ? host + ":" + text_of(payload, "port") : host;
}

// What a person asked for, in words; empty for everything else.
std::string request_of(std::string_view kind, const Object& payload) {
  if (kind == "exec.requested") return "run " + base::join(list_of(payload, "command"), " ");
  if (kind == "network.changed") {
    std::string text = "allow";
    for (const std::string& rule : list_of(payload, "allow")) text += " " + rule;
    for (const std::string& rule : list_of(payload, "allow_private")) text += " " + rule + " (private)";
    return text;
  }
  if (kind == "sandbox.extended") return base::format("{} s more time", number_of(payload, "by_ms") / 1000);
  if (kind == "sandbox.paused") return "pause";
  if (kind == "sandbox.resumed") return "go on";
  if (kind == "sandbox.stopping") return "stop";
  if (kind == "sandbox.renamed") return "call it " + text_of(payload, "to");
  return {};
}

std::string change_of(std::string_view kind, const Object& payload) {
  if (kind == "workspace.applied") return counted(payload, "applied");
  if (kind == "workspace.discarded") return counted(payload, "discarded");
  if (kind == "workspace.undone") return counted(payload, "took back");
  if (kind == "workspace.synced") return counted(payload, "brought in");
  if (kind == "workspace.diffed")
    return base::format("looked at {} changed files (+{} -{})", number_of(payload, "files"),
                        number_of(payload, "added"), number_of(payload, "removed"));
  if (kind == "workspace.failed") return text_of(payload, "operation") + " failed: " + text_of(payload, "error");
  return {};
}

std::string remark_of(const core::AuditRecord& record) {
  const Object& payload = record.event.payload;
  std::string text = record.event.kind;
  for (std::string_view name : {"call", "what", "host", "address", "limit", "outcome", "reason", "rule", "error"})
    if (payload.contains(name)) text += base::format(" {}={}", name, text_of(payload, name));
  return text;
}

constexpr size_t kMostFailures = 1000;

// Who is killed did not fail: the sandbox's end, a closed pipe, or somebody's wish ended it. A crash is its own doing.
bool is_failure(const Object& payload) {
  if (number_of(payload, "status") == 0) return false;
  constexpr std::array<std::string_view, 7> kCrashes{"SIGSEGV", "SIGBUS", "SIGILL", "SIGABRT",
                                                     "SIGFPE",  "SIGSYS", "SIGTRAP"};
  std::string signal = text_of(payload, "signal");
  return signal.empty() || std::ranges::find(kCrashes, signal) != kCrashes.end();
}

std::vector<uint64_t> pids_of(const Object& payload) {
  if (payload.contains("pid")) return {number_of(payload, "pid")};
  std::vector<uint64_t> pids;
  if (const Value* list = payload.if_contains("pids"); list != nullptr && list->is_array())
    for (const Value& pid : list->get_array())
      if (pid.is_number()) pids.push_back(pid.to_number<uint64_t>());
  return pids;
}

}  // namespace

void AuditReport::add_ends(const core::AuditRecord& record) {
  const Object& payload = record.event.payload;
  bool failed_so = is_failure(payload);
  for (uint64_t pid : pids_of(payload)) {
    std::vector<std::string> command;
    if (auto found = running_.find(pid); found != running_.end()) {
      command = std::move(found->second);
      running_.erase(found);
    }
    if (!failed_so) continue;
    Failure one{
        std::move(command), text_of(payload, "executable"), number_of(payload, "status"), text_of(payload, "signal"), 1,
        record.index};
    auto same = std::ranges::find_if(failed_commands, [&](const Failure& other) {
      return other.command == one.command && other.status == one.status;
    });
    if (same != failed_commands.end()) {
      ++same->count;
    } else if (failed_commands.size() < kMostFailures) {
      failed_commands.push_back(std::move(one));
    } else {
      ++failures_left_out;
    }
  }
}

void AuditReport::add(const core::AuditRecord& record) {
  const core::Event& event = record.event;
  const Object& payload = event.payload;
  std::string_view kind = event.kind;
  if (records++ == 0) first_index = record.index;
  last_index = record.index;
  if (!first) first = event.wall;
  last = event.wall;
  if (record.durability == core::Durability::sealed) ++sealed;
  if (record.redacted) ++payloads_deleted;
  redacted += number_of(payload, "redacted");
  if (id.empty()) id = event.sandbox;
  if (kind.starts_with("sandbox.") && payload.contains("name")) name = text_of(payload, "name");
  if (kind == "sandbox.renamed") name = text_of(payload, "to");

  if (kind == "sandbox.starting") {
    runs.push_back({event.principal, list_of(payload, "command"), text_of(payload, "policy"),
                    text_of(payload, "workspace"), text_of(payload, "mode"), event.wall});
  } else if (kind == "sandbox.started" && !runs.empty()) {
    runs.back().degraded = list_of(payload, "degraded");
  } else if (kind == "sandbox.stopped" && !runs.empty()) {
    runs.back().to = event.wall;
    runs.back().ended = ending_of(payload);
  } else if (kind == "exec.started" || kind == "exec.repeated") {
    uint64_t count = kind == "exec.repeated" ? number_of(payload, "count", 1) : 1;
    programs_started += count;
    programs[text_of(payload, "path")] += count;
    if (kind == "exec.started") running_[number_of(payload, "pid")] = list_of(payload, "arguments");
  } else if (kind == "process.exited") {
    add_ends(record);
  } else if (kind == "exec.observed") {
    ++observed[text_of(payload, "executable")];
  } else if (kind == "exec.exited" && payload.contains("error")) {
    failed.push_back(text_of(payload, "program") + ": " + text_of(payload, "error"));
  } else if (kind.starts_with("file.") && event.trust == core::Trust::observed &&
             !payload.contains("while_running")) {  // the stop tells the same again, and all of it
    std::string what(kind.substr(5));
    uint64_t count = number_of(payload, "count", 1);
    files[what] += count;
    std::string path = text_of(payload, "path");
    if (payload.contains("old_path")) path = text_of(payload, "old_path") + " -> " + path;
    if (payload.contains("count")) path += base::format("/ ({} of them)", count);
    file_paths.emplace_back(std::move(what), std::move(path));
  } else if (kind == "call.denied") {
    Refusal& refusal = refused_calls[text_of(payload, "call")];
    if (refusal.count == 0)
      refusal = {std::string(core::risk_name(event.risk)), 0, record.index, text_of(payload, "error")};
    refusal.count += number_of(payload, "count", 1);
  } else if (kind == "network.denied") {
    Host& host = hosts[place_of(payload)];
    host.refused += number_of(payload, "count", 1);
    host.verdict = text_of(payload, "verdict");
    host.rule = text_of(payload, "rule");
  } else if (kind == "network.connection") {
    ++hosts[place_of(payload)].connections;
  } else if (kind == "network.request") {
    ++hosts[place_of(payload)].requests;
  } else if (kind == "network.closed") {
    Host& host = hosts[place_of(payload)];
    host.bytes_in += number_of(payload, "bytes_in");
    host.bytes_out += number_of(payload, "bytes_out");
  } else if (kind == "host_port.connected") {
    ++hosts["this machine:" + text_of(payload, "port")].connections;
  } else if (kind == "host_port.closed") {
    Host& host = hosts["this machine:" + text_of(payload, "port")];
    host.bytes_in += number_of(payload, "bytes_in");
    host.bytes_out += number_of(payload, "bytes_out");
  }
  if (kind == "workspace.applied")
    for (std::string& path : list_of(payload, "paths")) changed_paths.push_back(std::move(path));
  if (std::string what = change_of(kind, payload); !what.empty())
    changes.push_back({record.index, event.wall, event.principal, std::move(what)});
  if (std::string what = request_of(kind, payload); !what.empty())
    asked.push_back({record.index, event.wall, event.principal, std::move(what)});
  if (event.risk >= core::Risk::medium)
    remarkable.push_back({record.index, event.wall, event.principal, remark_of(record)});
}

}  // namespace hv::cli
