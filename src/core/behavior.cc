#include "core/behavior.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "core/egress_text.h"

namespace hv::core {

namespace {

// What exec.started says of the program is read from the agent's memory, and nothing is decided on that: only that it
// asked, and how often. The program is known from exec.observed.
constexpr StreamKind kKinds[] = {
    {"call.denied", "call count"},
    {"exec.exited", "program"},
    {"exec.observed", "program"},
    {"exec.started", "count"},
    {"host_port.closed", "port bytes_in bytes_out"},
    {"host_port.connected", "port"},
    {"network.closed", "host address port program verdict bytes_in bytes_out milliseconds"},
    {"network.connection", "host address port program verdict"},
    {"network.denied", "host address port program path verdict count"},
    {"network.dns", "host address program verdict count"},
    {"network.request", "host address port program path verdict"},
    {"sandbox.limit_near", ""},
    {"sandbox.limit_reached", ""},
    {"sandbox.network_lost", ""},
    {"workspace.conflict", "path"},
    {"workspace.not_kept", ""},
    {"workspace.unwatched", ""},
};
static_assert(std::ranges::is_sorted(kKinds, {}, &StreamKind::name));

std::string text_of(const EventPattern& pattern) {
  std::vector<std::string> conditions;
  auto add = [&](std::string_view key, const auto& items, auto text) {
    std::vector<std::string> texts;
    for (const auto& item : items) texts.push_back(base::printable(text(item)));
    if (!texts.empty()) conditions.push_back(base::format("{} {}", key, base::join(texts, " or ")));
  };
  add("host", pattern.hosts, [](const HostPattern& host) { return to_text(host); });
  add("path", pattern.paths, [](const Glob& glob) { return glob.text(); });
  add("program", pattern.programs, [](const Glob& glob) { return glob.text(); });
  add("verdict", pattern.verdicts, [](Verdict verdict) { return std::string(name_of(verdict)); });
  if (pattern.least_risk) conditions.push_back(base::format("risk {} or more", name_of(*pattern.least_risk)));
  std::string kinds = base::join(pattern.kinds, " or ");
  return conditions.empty() ? kinds : base::format("{} ({})", kinds, base::join(conditions, ", "));
}

}  // namespace

std::span<const StreamKind> stream_kinds() {
  return kKinds;
}

const StreamKind* find_stream_kind(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kKinds, name, {}, &StreamKind::name);
  return found != std::end(kKinds) && found->name == name ? found : nullptr;
}

std::string watches(const BehaviorRule& rule) {
  using Form = BehaviorRule::Form;
  std::vector<std::string> patterns;
  for (const EventPattern& pattern : rule.patterns) patterns.push_back(text_of(pattern));
  std::string window = base::to_text(rule.window);
  switch (rule.form) {
    case Form::rate:
      return base::format("more than {} {} in {}", rule.limit, base::join(patterns, ""), window);
    case Form::sum: {
      std::string limit = rule.field.starts_with("bytes") ? base::to_text(base::ByteCount{rule.limit})
                          : rule.field == "milliseconds"  ? base::to_text(std::chrono::milliseconds(rule.limit))
                                                          : std::to_string(rule.limit);
      return base::format("{} of {} above {} in {}", rule.field, base::join(patterns, ""), limit, window);
    }
    case Form::sequence:
      return base::format("{}, within {}", base::join(patterns, ", then "), window);
    case Form::first_seen:
      return base::format("a {} of {} that the {} never had", rule.field, base::join(patterns, ""),
                          name_of(rule.history));
  }
  return {};
}

BehaviorRuleInfo describe(const BehaviorRule& rule) {
  BehaviorRuleInfo info;
  info.name = rule.name;
  info.watches = watches(rule);
  info.response = rule.responses;
  info.cool_down_millis = static_cast<uint64_t>(rule.cool_down.count());
  info.dry_run = rule.dry_run;
  info.origin = rule.origin;
  return info;
}

bool has_field(const StreamKind& kind, std::string_view field) {
  for (const std::string& each : base::split(kind.fields, ' '))
    if (each == field) return true;
  return false;
}

}  // namespace hv::core
