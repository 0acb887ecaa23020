#include "wire/validate.h"

#include <algorithm>

#include "base/text.h"
#include "core/egress_text.h"
#include "core/id.h"

namespace hv::wire {

namespace {

using base::Failure;
using base::Status;

Failure bad(std::string message) {
  return Failure(base::invalid_argument(std::move(message)));
}

Status check_absolute(std::string_view member, std::string_view path) {
  if (path.starts_with('/')) return {};
  return bad("'" + std::string(member) + "' must be an absolute path, not '" + base::printable(path) + "'");
}

Status check_variables(std::string_view member, const std::vector<core::Variable>& variables) {
  for (const core::Variable& variable : variables)
    if (variable.name.empty() || variable.name.find('=') != std::string::npos ||
        variable.name.find('\0') != std::string::npos)
      return bad("'" + std::string(member) + "': '" + base::printable(variable.name) + "' is not a variable's name");
  return {};
}

Status check_command(const std::vector<std::string>& command) {
  if (!command.empty() && command.front().empty()) return bad("'command[0]' must not be empty");
  return {};
}

Status check_caller(const core::Caller& caller) {
  HV_TRY(check_absolute("caller.directory", caller.directory));
  if (!caller.home.empty()) HV_TRY(check_absolute("caller.home", caller.home));
  if (caller.umask > 0777) return bad("'caller.umask' must be at most 511 (0777)");
  return {};
}

Status check_time(std::string_view member, uint64_t millis) {
  if (millis >= core::least_time_millis && millis <= core::most_time_millis) return {};
  return bad("'" + std::string(member) + "' must be from 1000, a second, to 315360000000, ten years");
}

Status check_limits(const core::LimitsRequest& limits) {
  if (limits.memory_bytes && *limits.memory_bytes < core::least_memory_bytes)
    return bad("'limits.memory_bytes' must be at least 16777216, 16 MiB");
  if (limits.pids && *limits.pids < core::least_pids) return bad("'limits.pids' must be at least 4");
  if (limits.cpu_millis && *limits.cpu_millis < core::least_cpu_millis)
    return bad("'limits.cpu_millis' must be at least 10, a hundredth of a processor");
  if (limits.io_bytes && *limits.io_bytes < core::least_io_bytes)
    return bad("'limits.io_bytes' must be at least 65536, 64 KiB a second");
  if (limits.open_files && *limits.open_files < core::least_open_files)
    return bad("'limits.open_files' must be at least 32");
  if (limits.disk_bytes && *limits.disk_bytes < core::least_disk_bytes)
    return bad("'limits.disk_bytes' must be at least 1048576, 1 MiB");
  if (limits.wall_millis) HV_TRY(check_time("limits.wall_millis", *limits.wall_millis));
  if (limits.idle_millis) HV_TRY(check_time("limits.idle_millis", *limits.idle_millis));
  return {};
}

Status check_terminal(const std::optional<core::WindowSize>& terminal) {
  if (terminal && (terminal->rows == 0 || terminal->columns == 0))
    return bad("'terminal' needs at least one row and one column");
  return {};
}

Status check_paths(std::string_view member, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    bool inside = !path.empty() && path.front() != '/';
    for (const std::string& part : base::split(path, '/')) inside = inside && part != "..";
    if (!inside)
      return bad("'" + std::string(member) + "': '" + base::printable(path) + "' is not a path below the workspace");
  }
  return {};
}

constexpr size_t kMostRules = 1024;

Status check_rules(std::string_view member, const std::vector<std::string>& rules) {
  if (rules.size() > kMostRules) return bad("'" + std::string(member) + "' must be at most 1024 rules");
  for (size_t i = 0; i < rules.size(); ++i)
    (void)HV_TRY_CONTEXT(core::parse_rule(rules[i]), "'" + std::string(member) + "[" + std::to_string(i) + "]'");
  return {};
}

bool is_label_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/';
  });
}

}  // namespace

Status validate(const core::RunRequest& request) {
  if (request.tier != core::Tier::process)
    return Failure(
        base::unsupported("the tier '" + std::string(core::name_of(request.tier)) + "' is not part of this version")
            .with_hint("use --tier process"));
  HV_TRY(check_command(request.command));
  if (request.name) (void)HV_TRY(core::SandboxName::parse(*request.name));
  if (request.workspace.mode != core::WorkspaceMode::none)
    HV_TRY(check_absolute("workspace.path", request.workspace.path));
  if (!request.directory.empty()) HV_TRY(check_absolute("directory", request.directory));
  if (request.rootfs) HV_TRY(check_absolute("rootfs", *request.rootfs));
  HV_TRY(check_variables("environment", request.environment));
  HV_TRY(check_caller(request.caller));
  HV_TRY(check_terminal(request.terminal));
  HV_TRY(check_limits(request.limits));
  std::vector<uint16_t> ports = request.host_ports;
  std::ranges::sort(ports);
  if (!ports.empty() && (ports.front() == 0 || std::ranges::adjacent_find(ports) != ports.end()))
    return bad("'host_ports' must be different ports from 1 to 65535");
  HV_TRY(check_rules("allow", request.allow));
  HV_TRY(check_rules("allow_private", request.allow_private));
  if (request.network == core::NetworkMode::none && !(request.allow.empty() && request.allow_private.empty()))
    return bad("'network' none and 'allow' contradict each other");
  for (const auto& [name, value] : request.labels)
    if (!is_label_name(name) || value.size() > 255)
      return bad("'labels': a name has 1 to 63 of a-z A-Z 0-9 - _ . /, a value at most 255 bytes; '" +
                 base::printable(name) + "' is not such a label");
  return {};
}

Status validate(const core::ExecRequest& request) {
  if (request.command.empty()) return bad("'command' must not be empty");
  HV_TRY(check_command(request.command));
  if (!request.directory.empty()) HV_TRY(check_absolute("directory", request.directory));
  HV_TRY(check_variables("environment", request.environment));
  HV_TRY(check_caller(request.caller));
  return check_terminal(request.terminal);
}

Status validate(const core::AttachRequest& request) {
  return check_terminal(request.terminal);
}

Status validate(const core::StopRequest& request) {
  if (request.grace_ms > 3'600'000) return bad("'grace_ms' must be at most 3600000, an hour");
  return {};
}

Status validate(const core::KillRequest& request) {
  if (request.signal < 1 || request.signal > 64) return bad("'signal' must be from 1 to 64");
  return {};
}

Status validate(const core::ExtendRequest& request) {
  return check_time("millis", request.millis);
}

Status validate(const core::RenameRequest& request) {
  (void)HV_TRY(core::SandboxName::parse(request.name));
  return {};
}

Status validate(const core::NetworkRequest& request) {
  HV_TRY(check_caller(request.caller));
  HV_TRY(check_rules("allow", request.allow));
  HV_TRY(check_rules("allow_private", request.allow_private));
  if (request.allow.empty() && request.allow_private.empty()) return bad("'allow' must not be empty");
  return {};
}

Status validate(const core::ReexecRequest& request) {
  return check_absolute("program", request.program);
}

Status validate(const core::ApplyRequest& request) {
  HV_TRY(check_paths("paths", request.paths));
  HV_TRY(check_paths("accept", request.accept));
  HV_TRY(check_paths("reviewed", request.reviewed));
  for (const core::HunkChoice& choice : request.hunks) HV_TRY(check_paths("hunks", {choice.path}));
  return {};
}

Status validate(const core::DiscardRequest& request) {
  return check_paths("paths", request.paths);
}

}  // namespace hv::wire
