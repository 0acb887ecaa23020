#include "policy/intersection.h"

#include <algorithm>

#include "base/format.h"
#include "core/glob.h"
#include "policy/egress_algebra.h"
#include "policy/keys.h"

namespace hv::policy {

namespace {

using core::Glob;
using core::WorkspaceMode;
using Texts = std::vector<std::string>;

void add(Texts& items, const std::string& item) {
  if (std::ranges::find(items, item) == items.end()) items.push_back(item);
}

Texts both_of(const Texts& a, const Texts& b) {
  Texts all = a;
  for (const std::string& item : b) add(all, item);
  return all;
}

// Of two limits the smaller one; 0 is none.
template <typename T>
T least(T a, T b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

// As in a sandbox of which neither home nor workspace is known: places of the two are compared by their names.
bool holds(const std::string& wide, const std::string& narrow) {
  if (wide == narrow) return true;
  auto a = Glob::parse(wide);
  auto b = Glob::parse(narrow);
  if (!a || !b) return false;
  constexpr std::string_view kHome = "/~";
  constexpr std::string_view kWorkspace = "/.";
  return a->placed(kHome, kWorkspace).includes(b->placed(kHome, kWorkspace));
}

// What both lists name.
Texts narrower(const Texts& a, const Texts& b) {
  Texts both;
  for (const std::string& one : a)
    for (const std::string& other : b) {
      if (holds(one, other))
        add(both, other);
      else if (holds(other, one))
        add(both, one);
    }
  return both;
}

bool passes(const std::string& pattern, const std::string& other) {
  if (!pattern.ends_with('*')) return pattern == other;
  return other.starts_with(pattern.substr(0, pattern.size() - 1));
}

Texts variables_of_both(const Texts& a, const Texts& b) {
  Texts both;
  for (const std::string& one : a)
    for (const std::string& other : b) {
      // An exact name passes a secret, a prefix does not: only two exact names do it together.
      if (one == other)
        add(both, one);
      else if (one.ends_with('*') && other.ends_with('*'))
        add(both, passes(one, other) ? other : passes(other, one) ? one : "");
    }
  std::erase(both, "");
  return both;
}

// Reading, writing and nothing, in the order of what they give of the host.
int reach_of(WorkspaceMode mode) {
  switch (mode) {
    case WorkspaceMode::none:
      return 0;
    case WorkspaceMode::ro:
      return 1;
    case WorkspaceMode::cow:
      return 2;
    case WorkspaceMode::live:
      return 3;
  }
  return 0;
}

core::Limits intersect_limits(const core::Limits& a, const core::Limits& b) {
  core::Limits both;
  both.memory_bytes = least(a.memory_bytes, b.memory_bytes);
  both.pids = least(a.pids, b.pids);
  both.cpu_millis = least(a.cpu_millis, b.cpu_millis);
  both.io_bytes = least(a.io_bytes, b.io_bytes);
  both.open_files = least(a.open_files, b.open_files);
  both.disk_bytes = least(a.disk_bytes, b.disk_bytes);
  both.tmp_bytes = least(a.tmp_bytes, b.tmp_bytes);
  both.wall_millis = least(a.wall_millis, b.wall_millis);
  both.idle_millis = least(a.idle_millis, b.idle_millis);
  return both;
}

ExecRules intersect_exec(const ExecRules& a, const ExecRules& b) {
  ExecRules both;
  both.fallback = std::max(a.fallback, b.fallback);
  both.deny = both_of(a.deny, b.deny);
  if (a.fallback == core::Verdict::allow)
    both.allow = b.allow;
  else
    both.allow = b.fallback == core::Verdict::allow ? a.allow : narrower(a.allow, b.allow);
  return both;
}

// Every rule of either; of two that share a name and differ, the second gets another one.
std::vector<core::BehaviorRule> rules_of_both(const std::vector<core::BehaviorRule>& a,
                                              const std::vector<core::BehaviorRule>& b) {
  std::vector<core::BehaviorRule> both = a;
  for (core::BehaviorRule rule : b) {
    auto same = [&](const core::BehaviorRule& known) {
      core::BehaviorRule there = known;
      there.origin = rule.origin;
      return there == rule;
    };
    if (std::ranges::any_of(both, same)) continue;
    std::string name = rule.name.substr(0, 60);
    for (int i = 2; std::ranges::find(both, rule.name, &core::BehaviorRule::name) != both.end(); ++i)
      rule.name = base::format("{}-{}", name, i);
    both.push_back(std::move(rule));
  }
  return both;
}

// Nobody leaves the record by having another policy: what either wants recorded is, what either takes for a credential
// is one, and what either wants gone goes.
core::AuditRules audit_of_both(const core::AuditRules& a, const core::AuditRules& b) {
  core::AuditRules both;
  both.arguments = a.arguments || b.arguments;
  both.files = a.files || b.files;
  both.request_paths = a.request_paths || b.request_paths;
  both.redact_names = both_of(a.redact_names, b.redact_names);
  both.redact_patterns = both_of(a.redact_patterns, b.redact_patterns);
  both.keep_payloads_millis = least(a.keep_payloads_millis, b.keep_payloads_millis);
  return both;
}

}  // namespace

Policy intersect(const Policy& a, const Policy& b) {
  Policy both;
  both.name = a.name == b.name ? a.name : base::format("{}+{}", a.name, b.name);
  both.description = base::format("What {} and {} allow together", a.name, b.name);
  both.limits = intersect_limits(a.limits, b.limits);
  both.workspace = reach_of(a.workspace) <= reach_of(b.workspace) ? a.workspace : b.workspace;
  both.write = narrower(a.write, b.write);
  both.read = narrower(both_of(a.read, a.write), both_of(b.read, b.write));
  std::erase_if(both.read,
                [&](const std::string& path) { return std::ranges::find(both.write, path) != both.write.end(); });
  both.hide = both_of(a.hide, b.hide);
  both.nested_sandboxes = a.nested_sandboxes && b.nested_sandboxes;
  both.exec = intersect_exec(a.exec, b.exec);
  both.denied_calls = both_of(a.denied_calls, b.denied_calls);
  both.pass = variables_of_both(a.pass, b.pass);
  // The younger proof of the two, where either wants one.
  both.require_probe = a.require_probe ? a.require_probe : b.require_probe;
  if (a.require_probe && b.require_probe && b.require_probe->oldest &&
      (!a.require_probe->oldest || *b.require_probe->oldest < *a.require_probe->oldest))
    both.require_probe = b.require_probe;
  both.set = a.set;
  for (const core::Variable& variable : b.set)
    if (std::ranges::find(both.set, variable.name, &core::Variable::name) == both.set.end())
      both.set.push_back(variable);
  both.egress = intersect(a.egress, b.egress);
  both.agent_hosts = a.agent_hosts && b.agent_hosts;
  for (const std::string& key : a.allow_degraded)
    if (std::ranges::find(b.allow_degraded, key) != b.allow_degraded.end()) both.allow_degraded.push_back(key);
  both.time = intersect(a.time, b.time);
  both.audit = audit_of_both(a.audit, b.audit);
  both.behavior = rules_of_both(a.behavior, b.behavior);
  // Where a value of the result was written: in the one that it is from.
  for (const Policy* from : {&b, &a})
    for (const auto& [key, place] : from->origins) both.origins.insert_or_assign(key, place);
  // That all is recorded may be written by neither: then the one that says less has not said it.
  for (auto [key, whole] : {std::pair{"audit.arguments", both.audit.arguments},
                            {"audit.files", both.audit.files},
                            {"audit.requests", both.audit.request_paths}})
    if (whole) both.origins.erase(key);
  for (const ValueKey& key : value_keys()) {
    const Policy& from = key.value(both) == key.value(a) ? a : b;
    if (const Place* place = from.origin(key.key))
      both.origins.insert_or_assign(std::string(key.key), *place);
    else
      both.origins.erase(std::string(key.key));
  }
  return both;
}

}  // namespace hv::policy
