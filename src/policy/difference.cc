#include "policy/difference.h"

#include <algorithm>
#include <optional>

#include "policy/keys.h"
#include "policy/rules.h"

namespace hv::policy {

namespace {

using Effect = Difference::Effect;

// Keys whose every item takes something away; every other list gives.
constexpr std::string_view kTaking[] = {"filesystem.hide", "exec.deny", "syscalls.deny", "network.deny",
                                        kBehaviorRules};

bool is_list(std::string_view key) {
  return std::ranges::find(list_keys(), key, &ListKey::key) != list_keys().end() ||
         std::ranges::find(kRuleKeys, key) != std::end(kRuleKeys) || key == kHostServices || key == kVariables ||
         key == kBehaviorRules;
}

// How much a single value lets happen, to be compared with the same key of another policy.
double openness(std::string_view key, const Policy& policy) {
  auto limit = [](auto value) { return value == 0 ? 1e300 : static_cast<double>(value); };
  const core::Limits& limits = policy.limits;
  if (key == "limits.memory") return limit(limits.memory_bytes);
  if (key == "limits.pids") return limit(limits.pids);
  if (key == "limits.cpus") return limit(limits.cpu_millis);
  if (key == "limits.io") return limit(limits.io_bytes);
  if (key == "limits.open_files") return limit(limits.open_files);
  if (key == "limits.disk") return limit(limits.disk_bytes);
  if (key == "limits.tmp") return limit(limits.tmp_bytes);
  if (key == "limits.wall") return limit(limits.wall_millis);
  if (key == "limits.idle") return limit(limits.idle_millis);
  if (key == "privileges.nested_sandboxes") return policy.nested_sandboxes ? 1 : 0;
  if (key == "network.agent_hosts") return policy.agent_hosts ? 1 : 0;
  if (key == "exec.default") return -static_cast<double>(policy.exec.fallback);
  if (key == "network.default") return -static_cast<double>(policy.egress.fallback);
  if (key == "time.not_after") {
    auto last = parse_local(policy.time.not_after);
    return last ? static_cast<double>(last->time_since_epoch().count()) : 1e300;
  }
  if (key == "security.require_probe")
    return !policy.require_probe           ? 2e300
           : !policy.require_probe->oldest ? 1e300
                                           : static_cast<double>(policy.require_probe->oldest->count());
  if (key == "filesystem.workspace") {
    constexpr core::WorkspaceMode kByReach[] = {core::WorkspaceMode::none, core::WorkspaceMode::ro,
                                                core::WorkspaceMode::cow, core::WorkspaceMode::live};
    return static_cast<double>(std::ranges::find(kByReach, policy.workspace) - std::begin(kByReach));
  }
  return 0;
}

// The same of what is recorded, and for how long in full.
double openness_of_record(std::string_view key, const core::AuditRules& audit) {
  if (key == "audit.arguments") return audit.arguments ? 1 : 0;
  if (key == "audit.files") return audit.files ? 1 : 0;
  if (key == "audit.requests") return audit.request_paths ? 1 : 0;
  if (key == "audit.keep_payloads")
    return audit.keep_payloads_millis == 0 ? 1e300 : static_cast<double>(audit.keep_payloads_millis);
  return 0;
}

}  // namespace

std::vector<Difference> differences(const Policy& before, const Policy& after) {
  std::vector<Difference> all;
  std::vector<Rule> old_rules = rules_of(before);
  std::vector<Rule> new_rules = rules_of(after);
  auto has = [](const std::vector<Rule>& rules, const Rule& rule) {
    return std::ranges::any_of(rules,
                               [&](const Rule& each) { return each.key == rule.key && each.value == rule.value; });
  };
  auto value_of = [](const std::vector<Rule>& rules, std::string_view key) {
    auto found = std::ranges::find(rules, key, &Rule::key);
    return found == rules.end() ? std::string() : found->value;
  };
  for (const ValueKey& key : value_keys()) {
    std::string was = value_of(old_rules, key.key);
    std::string is = value_of(new_rules, key.key);
    if (was == is) continue;
    if (key.key.starts_with("audit.")) {
      double more = openness_of_record(key.key, after.audit) - openness_of_record(key.key, before.audit);
      if (more != 0) all.push_back({more > 0 ? Effect::records : Effect::omits, std::string(key.key), was, is});
      continue;
    }
    double more = openness(key.key, after) - openness(key.key, before);
    all.push_back({more > 0   ? Effect::allows
                   : more < 0 ? Effect::denies
                              : Effect::changes,
                   std::string(key.key), was, is});
  }
  auto add = [&](const std::vector<Rule>& rules, const std::vector<Rule>& others, bool appears) {
    for (const Rule& rule : rules) {
      if (!is_list(rule.key) || has(others, rule)) continue;
      bool takes = std::ranges::find(kTaking, rule.key) != std::end(kTaking);
      // The first window of the week shuts the rest of it.
      if (rule.key == "time.hours") takes = before.time.hours.empty() || after.time.hours.empty();
      // Of what is recorded every list takes something out.
      Effect effect = rule.key.starts_with("audit.") ? (appears ? Effect::omits : Effect::records)
                      : rule.key == kVariables       ? Effect::changes
                      : takes == appears             ? Effect::denies
                                                     : Effect::allows;
      all.push_back({effect, rule.key, appears ? "" : rule.value, appears ? rule.value : ""});
    }
  };
  add(old_rules, new_rules, false);
  add(new_rules, old_rules, true);
  return all;
}

}  // namespace hv::policy
