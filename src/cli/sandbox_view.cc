#include "cli/sandbox_view.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/layout.h"

namespace hv::cli {

namespace {

constexpr size_t kFieldWidth = 14;

std::string command_text(const std::vector<std::string>& command) {
  std::vector<std::string> words;
  for (const std::string& word : command) words.push_back(base::shell_quote(word));
  return base::join(words, " ");
}

std::string state_text(const core::SandboxInfo& sandbox) {
  std::string text(core::state_name(sandbox.state));
  if (sandbox.state == core::SandboxState::stopped && sandbox.outcome && sandbox.outcome->exit_code() != 0)
    text += base::format(" ({})", sandbox.outcome->exit_code());
  if (sandbox.frozen) text += " (frozen)";
  return text;
}

std::string workspace_text(const core::WorkspaceInfo& workspace) {
  if (workspace.path.empty()) return "-";
  return base::format("{} ({})", workspace.path, core::name_of(workspace.mode));
}

std::string outcome_text(const core::Outcome& outcome) {
  std::string text(core::outcome_name(outcome.kind));
  if (outcome.kind == core::Outcome::Kind::exited || outcome.kind == core::Outcome::Kind::signalled)
    text += base::format(" {}", outcome.code);
  return outcome.detail.empty() ? text : text + ": " + outcome.detail;
}

std::string limits_text(const core::Limits& limits) {
  std::vector<std::string> parts;
  if (limits.memory_bytes != 0) parts.push_back("memory " + base::to_text(base::ByteCount{limits.memory_bytes}));
  if (limits.pids != 0) parts.push_back(base::format("pids {}", limits.pids));
  if (limits.cpu_millis != 0)
    parts.push_back(base::format("cpus {}.{:03}", limits.cpu_millis / 1000, limits.cpu_millis % 1000));
  if (limits.io_bytes != 0) parts.push_back("io " + base::to_text(base::ByteCount{limits.io_bytes}) + "/s");
  if (limits.open_files != 0) parts.push_back(base::format("open files {}", limits.open_files));
  if (limits.disk_bytes != 0) parts.push_back("disk " + base::to_text(base::ByteCount{limits.disk_bytes}));
  if (limits.tmp_bytes != 0) parts.push_back("tmp " + base::to_text(base::ByteCount{limits.tmp_bytes}));
  auto time = [](uint64_t millis) { return base::to_text(std::chrono::milliseconds(millis)); };
  if (limits.wall_millis != 0) parts.push_back("wall time " + time(limits.wall_millis));
  if (limits.idle_millis != 0) parts.push_back("idle time " + time(limits.idle_millis));
  return parts.empty() ? "none" : base::join(parts, ", ");
}

std::string throttle_text(const core::ThrottleInfo& throttle) {
  std::string left = throttle.bytes_per_second
                         ? "network " + base::to_text(base::ByteCount{*throttle.bytes_per_second}) + "/s"
                         : base::format("cpus {}", static_cast<double>(throttle.cpu_millis.value_or(0)) / 1000);
  return base::format("{} until {}, by the rule {}", left, base::to_rfc3339(throttle.until).substr(0, 19) + "Z",
                      throttle.rule);
}

std::string status_text(const core::BehaviorRuleInfo& rule) {
  std::string fired = rule.fired.value_or(0) == 0 ? "" : base::format("fired {}", *rule.fired);
  if (!rule.status || *rule.status == core::BehaviorStatus::fired) return fired.empty() ? "-" : fired;
  if (*rule.status == core::BehaviorStatus::armed) return "armed";
  return fired + ", cooling down";
}

class Fields {
 public:
  explicit Fields(size_t width) : width_(width) {}
  void add(std::string_view label, std::string_view value) {
    if (value.empty()) return;
    std::string line = base::format("{}:", label);
    line.append(line.size() < kFieldWidth ? kFieldWidth - line.size() : 1, ' ');
    text_ += line + wrap(base::printable(value), width_, kFieldWidth, line.size()) + "\n";
  }
  std::string take() { return std::move(text_); }

 private:
  size_t width_;
  std::string text_;
};

}  // namespace

std::string response_text(const core::BehaviorRuleInfo& rule) {
  std::vector<std::string> names;
  for (core::Response response : rule.response) names.emplace_back(core::name_of(response));
  return base::join(names, ", then ") + (rule.dry_run ? " (dry run)" : "");
}

std::string age_text(base::WallTime then, base::WallTime now) {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then);
  if (seconds < std::chrono::seconds(1)) return "just now";
  if (seconds < std::chrono::minutes(1)) return base::format("{}s ago", seconds.count());
  if (seconds < std::chrono::hours(1)) return base::format("{}m ago", seconds.count() / 60);
  if (seconds < std::chrono::hours(48)) return base::format("{}h ago", seconds.count() / 3600);
  return base::format("{}d ago", seconds.count() / 86400);
}

std::string list_text(std::vector<core::SandboxInfo> sandboxes, base::WallTime now, size_t width) {
  std::ranges::sort(sandboxes, std::ranges::greater{}, &core::SandboxInfo::created);
  Table table({"NAME", "STATE", "CREATED", "POLICY", "WORKSPACE", "COMMAND"});
  for (const core::SandboxInfo& sandbox : sandboxes)
    table.add({sandbox.name, state_text(sandbox), age_text(sandbox.created, now), sandbox.policy,
               workspace_text(sandbox.workspace), command_text(sandbox.command)});
  return table.render(width);
}

std::string inspect_text(const core::SandboxInfo& sandbox, base::WallTime now, size_t width) {
  Fields fields(width);
  fields.add("name", sandbox.name);
  fields.add("id", sandbox.id);
  fields.add("state", state_text(sandbox));
  if (sandbox.frozen) fields.add("frozen", *sandbox.frozen);
  if (sandbox.outcome) fields.add("ended", outcome_text(*sandbox.outcome));
  fields.add("command", command_text(sandbox.command));
  fields.add("tier", core::name_of(sandbox.tier));
  fields.add("policy", sandbox.policy);
  fields.add("agent", sandbox.agent.value_or(""));
  fields.add("home", sandbox.home.value_or(""));
  fields.add("workspace", workspace_text(sandbox.workspace));
  if (sandbox.workspace.changes)
    fields.add("changes", base::format("{} {} not applied", *sandbox.workspace.changes,
                                       *sandbox.workspace.changes == 1 ? "file" : "files"));
  fields.add("rootfs", sandbox.rootfs);
  fields.add("created", base::format("{} ({})", base::to_rfc3339(sandbox.created).substr(0, 19) + "Z",
                                     age_text(sandbox.created, now)));
  if (sandbox.pid)
    fields.add("pid", base::format("{}, supervisor {}", *sandbox.pid, sandbox.supervisor_pid.value_or(0)));
  std::vector<std::string> labels;
  for (const auto& [key, value] : sandbox.labels) labels.push_back(key + "=" + value);
  fields.add("labels", base::join(labels, ", "));
  std::vector<std::string> ports;
  for (uint16_t port : sandbox.host_ports) ports.push_back(std::to_string(port));
  fields.add("host ports", base::join(ports, ", "));
  if (sandbox.network.open)
    fields.add("network", base::format("{} rules, everything else: {}; hydravisor net {}", sandbox.network.rules.size(),
                                       core::name_of(sandbox.network.fallback), sandbox.name));
  std::string limits = limits_text(sandbox.limits.enforced);
  if (sandbox.limits.asked != sandbox.limits.enforced)
    limits += base::format("; asked for: {}", limits_text(sandbox.limits.asked));
  if (sandbox.limits.extended_millis != 0)
    limits +=
        base::format("; extended by {}", base::to_text(std::chrono::milliseconds(sandbox.limits.extended_millis)));
  fields.add("limits", sandbox.limits.how.empty() ? limits : base::format("{} ({})", limits, sandbox.limits.how));
  for (const core::ThrottleInfo& throttle : sandbox.throttled.value_or(std::vector<core::ThrottleInfo>()))
    fields.add("throttled", throttle_text(throttle));
  std::string text = fields.take();
  if (!sandbox.isolation.layers.empty()) {
    Table layers({"  LAYER", "STATUS", "DETAIL"});
    for (const core::LayerInfo& layer : sandbox.isolation.layers)
      layers.add({"  " + layer.name, std::string(core::name_of(layer.status)), layer.detail});
    text += "\n" + layers.render(width);
  }
  if (sandbox.behavior) {
    Table rules({"  BEHAVIOR", "WATCHES", "RESPONSE", "STATUS"});
    for (const core::BehaviorRuleInfo& rule : *sandbox.behavior)
      rules.add({"  " + rule.name, rule.watches, response_text(rule), status_text(rule)});
    text += "\n" + rules.render(width);
  }
  for (const std::string& sentence : sandbox.isolation.degraded)
    text += "\n" + wrap("weaker: " + base::printable(sentence), width, 8) + "\n";
  return text;
}

std::string network_text(const core::SandboxInfo& sandbox, size_t width) {
  if (!sandbox.network.open)
    return base::format("{} has no network{}\n", base::printable(sandbox.name),
                        sandbox.host_ports.empty() ? "" : " but its host ports");
  Table table({"VERDICT", "HOST", "FROM"});
  for (const core::NetworkRuleInfo& rule : sandbox.network.rules)
    table.add({std::string(core::name_of(rule.verdict)), rule.rule, rule.origin});
  table.add({std::string(core::name_of(sandbox.network.fallback)), "everything else", "policy " + sandbox.policy});
  return table.render(width) + "\n";
}

std::string stats_text(const std::vector<std::pair<std::string, core::SandboxStats>>& sandboxes, size_t width) {
  auto bytes = [](std::optional<uint64_t> value) {
    return value ? base::to_text(base::ByteCount{*value}) : std::string("-");
  };
  auto count = [](std::optional<uint64_t> value) { return value ? std::to_string(*value) : std::string("-"); };
  Table table(
      {"NAME", "STATE", "MEMORY", "PEAK", "PROCESSES", "CPU", "READ", "WRITTEN", "DISK", "CONNECTIONS", "DENIED"});
  for (const auto& [name, stats] : sandboxes)
    table.add({name, std::string(core::state_name(stats.state)), bytes(stats.memory_bytes),
               bytes(stats.memory_peak_bytes), stats.processes ? std::to_string(*stats.processes) : "-",
               stats.cpu_nanoseconds ? base::format("{}.{:02}s", *stats.cpu_nanoseconds / 1'000'000'000,
                                                    *stats.cpu_nanoseconds / 10'000'000 % 100)
                                     : "-",
               bytes(stats.io_read_bytes), bytes(stats.io_written_bytes), bytes(stats.workspace_bytes),
               count(stats.connections), count(stats.connections_denied)});
  return table.render(width);
}

}  // namespace hv::cli
