#include "policy/lint.h"

#include <algorithm>
#include <tuple>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "core/egress_text.h"
#include "core/glob.h"
#include "policy/egress_algebra.h"
#include "policy/keys.h"
#include "policy/rules.h"

namespace hv::policy {

namespace {

using base::format;
using core::EgressRule;
using core::Glob;
using core::Verdict;

class Linter {
 public:
  explicit Linter(const Policy& policy) : policy_(policy) {}

  std::vector<Warning> run() {
    limits();
    files();
    programs();
    hosts();
    variables();
    times();
    losses();
    std::ranges::sort(warnings_, {}, [](const Warning& warning) {
      return std::tuple(warning.place.file, warning.place.line, warning.place.column, warning.message);
    });
    return std::move(warnings_);
  }

 private:
  void warn(std::string_view key, std::string_view item, std::string message) {
    const Place* place = item.empty() ? policy_.origin(key) : policy_.origin(key, item);
    warnings_.push_back({place == nullptr ? Place{} : *place, std::string(key), std::move(message)});
  }

  void limits() {
    const core::Limits& limits = policy_.limits;
    if (limits.wall_millis != 0 && limits.idle_millis >= limits.wall_millis)
      warn("limits.idle", "", "never reached: limits.wall ends the sandbox before");
    if (limits.memory_bytes != 0 && limits.tmp_bytes > limits.memory_bytes)
      warn("limits.tmp", "", "never reached: what lies in /tmp counts as memory, of which there is less");
    if (limits.disk_bytes != 0 && policy_.workspace == core::WorkspaceMode::live)
      warn("limits.disk", "", "counts the home only: a live workspace is the user's own directory");
  }

  static bool holds(const std::string& wide, const std::string& narrow) {
    auto a = Glob::parse(wide);
    auto b = Glob::parse(narrow);
    return a && b && a->placed("/~", "/.").includes(b->placed("/~", "/."));
  }
  // The first other text that holds `narrow`.
  static const std::string* holder(const std::vector<std::string>& wide, const std::string& narrow) {
    for (const std::string& text : wide)
      if (&text != &narrow && text != narrow && holds(text, narrow)) return &text;
    return nullptr;
  }

  void shadowed(std::string_view key, const std::vector<std::string>& items) {
    for (const std::string& item : items)
      if (const std::string* above = holder(items, item))
        warn(key, item, format("\"{}\" says it already", base::printable(*above)));
  }

  void files() {
    shadowed("filesystem.read", policy_.read);
    shadowed("filesystem.write", policy_.write);
    shadowed("filesystem.hide", policy_.hide);
    for (const std::string& path : policy_.read)
      if (const std::string* above = holder(policy_.write, path))
        warn("filesystem.read", path,
             format("stays read-only inside \"{}\", which can be written", base::printable(*above)));
    for (auto [key, list] : {std::pair{"filesystem.read", &policy_.read}, {"filesystem.write", &policy_.write}})
      for (const std::string& path : *list)
        for (const std::string& pattern : policy_.hide)
          if (holds(pattern, path)) {
            warn(key, path, format("granted and hidden by \"{}\": hidden wins", base::printable(pattern)));
            break;
          }
    if (policy_.workspace != core::WorkspaceMode::none) return;
    for (const std::string& pattern : policy_.hide)
      if (pattern.find('/') != std::string::npos && !pattern.starts_with('/') && !pattern.starts_with("~/"))
        warn("filesystem.hide", pattern, "never matches: it is meant in the workspace, and there is none");
  }

  void programs() {
    shadowed("exec.allow", policy_.exec.allow);
    shadowed("exec.deny", policy_.exec.deny);
    if (policy_.exec.fallback == Verdict::allow)
      for (const std::string& pattern : policy_.exec.allow)
        warn("exec.allow", pattern, "changes nothing while exec.default is \"allow\"");
    for (const std::string& pattern : policy_.exec.allow) {
      const std::string* denied = nullptr;
      for (const std::string& text : policy_.exec.deny)
        if (holds(text, pattern)) denied = &text;
      if (denied != nullptr)
        warn("exec.allow", pattern, format("never allows: exec.deny has \"{}\"", base::printable(*denied)));
    }
    for (const std::string& pattern : policy_.exec.allow)
      for (const std::string& hidden : policy_.hide)
        if (holds(hidden, pattern)) {
          warn("exec.allow", pattern, format("never starts: filesystem.hide has \"{}\"", base::printable(hidden)));
          break;
        }
    if (policy_.exec.fallback == Verdict::deny && policy_.exec.allow.empty())
      warn("exec.default", "", "nothing can be started: exec.allow is empty");
  }

  void hosts() {
    const std::vector<EgressRule>& rules = policy_.egress.rules;
    bool opens = core::opens_network(policy_.egress) || policy_.agent_hosts;
    for (size_t i = 0; i < rules.size(); ++i) {
      const EgressRule& rule = rules[i];
      std::string key = format("network.{}", core::name_of(rule.verdict));
      auto warn_rule = [&](std::string message) {
        EgressRule written = rule;
        written.verdict = Verdict::allow;
        warn(key, core::to_text(written), std::move(message));
      };
      if (rule.verdict == Verdict::deny && !opens) {
        warn_rule("changes nothing: no rule allows anything");
        continue;
      }
      if (rule.verdict == Verdict::deny && reaches_nothing(rule)) {
        warn_rule("changes nothing: no rule allows what it denies");
        continue;
      }
      if (rule.verdict == policy_.egress.fallback && rule.verdict == Verdict::allow && !rule.private_addresses) {
        warn_rule("changes nothing while network.default is \"allow\"");
        continue;
      }
      for (size_t j = 0; j < rules.size(); ++j) {
        const EgressRule& other = rules[j];
        if (i == j || other.verdict < rule.verdict || !includes(other, rule)) continue;
        // Of two that say the same the first one stays.
        if (other.verdict == rule.verdict && includes(rule, other) && i < j) continue;
        // A rule that lets through to private addresses says more than one that does not.
        if (other.verdict == rule.verdict && rule.private_addresses && !other.private_addresses) continue;
        // One about requests denies what cannot be seen of them, and lets through what can.
        warn_rule(other.verdict == rule.verdict
                      ? format("{} says it already", base::printable(rule_to_toml(other)))
                      : format("never matches: network.{} has {}", core::name_of(other.verdict),
                               base::printable(rule_to_toml(other))));
        break;
      }
    }
  }

  // A denial beside everything that is allowed or asked for. What an agent's hosts or a group will be is not known
  // here.
  bool reaches_nothing(const EgressRule& denial) const {
    const core::EgressPolicy& egress = policy_.egress;
    if (egress.fallback != Verdict::deny || policy_.agent_hosts) return false;
    return std::ranges::none_of(egress.rules, [&](const EgressRule& open) {
      return open.verdict != Verdict::deny && could_meet(denial, open);
    });
  }

  void variables() {
    for (const std::string& name : policy_.pass)
      for (const std::string& other : policy_.pass)
        // Of one name alone it cannot be told: what looks like a secret passes by its exact name only.
        if (&name != &other && name != other && name.ends_with('*') && other.ends_with('*') &&
            name.starts_with(std::string_view(other).substr(0, other.size() - 1))) {
          warn("environment.pass", name, format("\"{}\" says it already", other));
          break;
        }
    for (const core::Variable& variable : policy_.set)
      if (std::ranges::find(policy_.pass, variable.name) != policy_.pass.end())
        warn("environment.pass", variable.name, "set as well: what is set wins");
  }

  void times() {
    const TimeRules& time = policy_.time;
    if (!time.zone.empty() && !time.any()) warn("time.zone", "", "changes nothing: there are neither hours nor an end");
    if (std::ranges::find(time.hours, "never") != time.hours.end() && time.hours.size() > 1)
      warn("time.hours", "never", "changes nothing: other hours are there");
  }

  void losses() {
    std::vector<Rule> rules = rules_of(policy_);
    for (const std::string& key : policy_.allow_degraded)
      if (std::ranges::find(rules, key, &Rule::key) == rules.end())
        warn("security.allow_degraded", key, "nothing to accept: the policy does not say this");
  }

  const Policy& policy_;
  std::vector<Warning> warnings_;
};

}  // namespace

std::string Warning::text() const {
  if (place.line == 0) return format("{}: {}", key, message);
  return format("{}:{}:{}: {}: {}", place.file, place.line, place.column, key, message);
}

std::vector<Warning> find_warnings(const Policy& policy) {
  return Linter(policy).run();
}

}  // namespace hv::policy
