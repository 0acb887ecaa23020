#include "policy/policy.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "core/egress_text.h"

namespace hv::policy {

using base::format;

std::string Place::text() const {
  return format("{}:{}", file, line);
}

std::string origin_key(std::string_view key, std::string_view item) {
  return format("{} {}", key, item);
}

const Place* Policy::origin(std::string_view key) const {
  auto found = origins.find(key);
  return found == origins.end() ? nullptr : &found->second;
}

const Place* Policy::origin(std::string_view key, std::string_view item) const {
  return origin(origin_key(key, item));
}

std::optional<std::string> why_not_granted(std::string_view path) {
  if (path.size() > 4096 || path.find('\0') != std::string_view::npos) return "expected a path";
  if (path == "/") return "/ is the whole machine and is never granted";
  std::string_view below = path;
  if (below.starts_with("~/"))
    below.remove_prefix(1);
  else if (!below.starts_with('/'))
    return "expected an absolute path or one that starts with ~/";
  for (const std::string& part : base::split(below.substr(1), '/'))
    if (part == ".." || part == "." || part.empty()) return "expected a path without '.', '..', '//' or a final '/'";
  for (std::string_view root : {"/proc", "/sys", "/dev", "/run", "/etc"})
    if (path == root || path.starts_with(std::string(root) + "/"))
      return format("{} belongs to the sandbox itself and cannot be granted", root);
  return std::nullopt;
}

// Most policies have none of these, and say nothing of them.
static std::string describe_limits(const Policy& policy) {
  const core::Limits& limits = policy.limits;
  std::string text;
  auto size = [&](const char* key, uint64_t value) {
    if (value != 0) text += format("{} = {}\n", key, base::to_text(base::ByteCount{value}));
  };
  auto time = [&](const char* key, uint64_t value) {
    if (value != 0) text += format("{} = {}\n", key, base::to_text(std::chrono::milliseconds(value)));
  };
  size("io", limits.io_bytes);
  if (limits.open_files != 0) text += format("open_files = {}\n", limits.open_files);
  size("disk", limits.disk_bytes);
  size("tmp", limits.tmp_bytes);
  time("wall", limits.wall_millis);
  time("idle", limits.idle_millis);
  if (policy.require_probe)
    text += format("require_probe = {}\n",
                   policy.require_probe->oldest ? base::to_text(*policy.require_probe->oldest) : "yes");
  return text;
}

static std::string describe_more(const Policy& policy) {
  std::string text;
  auto list = [&](const char* key, const std::vector<std::string>& items) {
    if (!items.empty()) text += format("{} = {}\n", key, base::join(items, " "));
  };
  list("extends", policy.extends);
  list("hide", policy.hide);
  if (policy.exec != ExecRules{}) text += format("exec = {}\n", core::name_of(policy.exec.fallback));
  list("exec.allow", policy.exec.allow);
  list("exec.deny", policy.exec.deny);
  list("syscalls.deny", policy.denied_calls);
  for (const core::Variable& variable : policy.set)
    text += format("set = {}={}\n", variable.name, base::printable(variable.value));
  if (!policy.audit.arguments) text += "audit.arguments = program\n";
  if (!policy.audit.files) text += "audit.files = none\n";
  if (!policy.audit.request_paths) text += "audit.requests = host\n";
  if (policy.audit.keep_payloads_millis != 0)
    text += format("audit.keep_payloads = {}\n",
                   base::to_text(std::chrono::milliseconds(policy.audit.keep_payloads_millis)));
  list("audit.redact_names", policy.audit.redact_names);
  list("audit.redact_patterns", policy.audit.redact_patterns);
  list("allow_degraded", policy.allow_degraded);
  return text;
}

std::string describe(const Policy& policy) {
  auto list = [](const std::vector<std::string>& items) {
    return items.empty() ? std::string("none") : base::join(items, " ");
  };
  std::vector<std::string> ports;
  for (uint16_t port : policy.egress.host_services) ports.push_back(std::to_string(port));
  const core::Limits& limits = policy.limits;
  std::string rules;
  for (const core::EgressRule& rule : policy.egress.rules)
    rules += format("{} = {} ({})\n", core::name_of(rule.verdict), base::printable(core::to_text(rule)),
                    base::printable(rule.origin));
  return format(
      "name = {}\nmemory = {}\npids = {}\ncpus = {}\n{}workspace = {}\nread = {}\nwrite = {}\nnested_sandboxes = "
      "{}\npass = {}\n"
      "host_services = {}\nagent_hosts = {}\nnetwork = {}\n{}{}",
      base::printable(policy.name),
      limits.memory_bytes == 0 ? "none" : base::to_text(base::ByteCount{limits.memory_bytes}),
      limits.pids == 0 ? "none" : std::to_string(limits.pids),
      limits.cpu_millis == 0 ? "none" : format("{}", limits.cpu_millis / 1000.0), describe_limits(policy),
      core::name_of(policy.workspace), list(policy.read), list(policy.write), policy.nested_sandboxes ? "yes" : "no",
      list(policy.pass), list(ports), policy.agent_hosts ? "yes" : "no", core::name_of(policy.egress.fallback), rules,
      describe_more(policy));
}

}  // namespace hv::policy
