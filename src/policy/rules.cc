#include "policy/rules.h"

#include <algorithm>
#include <map>

#include "base/format.h"
#include "base/text.h"
#include "core/egress_text.h"
#include "policy/behavior.h"
#include "policy/keys.h"

namespace hv::policy {

namespace {

using base::format;

std::string_view section_of(std::string_view key) {
  return key.substr(0, key.find('.'));
}

std::string ports_to_toml(const core::EgressRule& rule) {
  std::string text;
  for (const core::PortRange& range : rule.ports) {
    if (!text.empty()) text += ", ";
    if (range.first == 0 && range.last == 65535)
      text += "\"*\"";
    else if (range.first == range.last)
      text += std::to_string(range.first);
    else
      text += format("\"{}-{}\"", range.first, range.last);
  }
  return text;
}

std::string quoted_list(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  for (const std::string& item : items) quoted.push_back(quote_toml(item));
  return base::join(quoted, ", ");
}

Place place_of(const Policy& policy, const std::string& key) {
  const Place* place = policy.origin(key);
  return place == nullptr ? Place{} : *place;
}

}  // namespace

std::string rule_to_toml(const core::EgressRule& rule) {
  if (rule.methods.empty() && rule.path.empty() && !rule.private_addresses) {
    core::EgressRule plain = rule;
    return quote_toml(core::to_text(plain));
  }
  std::string text = format("{{host = {}", quote_toml(core::to_text(rule.host)));
  if (!rule.ports.empty()) text += format(", ports = [{}]", ports_to_toml(rule));
  if (!rule.methods.empty()) text += format(", methods = [{}]", quoted_list(rule.methods));
  if (!rule.path.empty()) text += format(", path = {}", quote_toml(rule.path));
  if (rule.private_addresses) text += ", private = true";
  return text + "}";
}

std::vector<Rule> rules_of(const Policy& policy) {
  // By section, in the order in which the language has them.
  std::vector<Rule> all;
  auto add = [&](std::string_view key, std::string value, const std::string& origin) {
    all.push_back({std::string(key), std::move(value), place_of(policy, origin)});
  };
  for (const ValueKey& key : value_keys())
    if (std::string value = key.value(policy); !value.empty()) add(key.key, std::move(value), std::string(key.key));
  for (const ListKey& key : list_keys())
    for (const std::string& item : items_of(key, policy)) add(key.key, quote_toml(item), origin_key(key.key, item));
  for (const core::Variable& variable : policy.set)
    add(kVariables, format("{} = {}", variable.name, quote_toml(variable.value)),
        origin_key(kVariables, variable.name));
  for (const core::EgressRule& rule : policy.egress.rules) {
    std::string key = format("network.{}", core::name_of(rule.verdict));
    // As it is remembered: before a verdict was given to it.
    core::EgressRule written = rule;
    written.verdict = core::Verdict::allow;
    add(key, rule_to_toml(rule), origin_key(key, core::to_text(written)));
  }
  for (uint16_t port : policy.egress.host_services)
    add(kHostServices, std::to_string(port), origin_key(kHostServices, std::to_string(port)));
  for (const core::BehaviorRule& rule : policy.behavior)
    add(kBehaviorRules, behavior_to_toml(rule), origin_key(kBehaviorRules, rule.name));
  constexpr std::string_view kSections[] = {"limits",   "filesystem", "privileges",  "exec",
                                            "syscalls", "network",    "environment", "time",
                                            "audit",    "security",   "behavior"};
  std::vector<Rule> ordered;
  ordered.reserve(all.size());
  for (std::string_view section : kSections)
    for (const Rule& rule : all)
      if (section_of(rule.key) == section) ordered.push_back(rule);
  return ordered;
}

std::string list_rules(const Policy& policy) {
  std::string text;
  for (const Rule& rule : rules_of(policy))
    text += format("{} = {} ({})\n", rule.key, base::printable(rule.value),
                   rule.place.line == 0 ? std::string("default") : base::printable(rule.place.text()));
  return text;
}

std::string to_toml(const Policy& policy) {
  std::string text = "version = 1\n";
  if (!policy.name.empty()) text += format("name = {}\n", quote_toml(policy.name));
  if (!policy.description.empty()) text += format("description = {}\n", quote_toml(policy.description));
  auto from = [](const Rule& rule) {
    return rule.place.line == 0 ? std::string() : format("  # {}", base::printable(rule.place.text()));
  };
  std::vector<Rule> rules = rules_of(policy);
  auto is_list = [](std::string_view key) {
    return std::ranges::find(list_keys(), key, &ListKey::key) != list_keys().end() ||
           std::ranges::find(kRuleKeys, key) != std::end(kRuleKeys) || key == kHostServices || key == kBehaviorRules;
  };
  std::string_view section;
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    if (section_of(rule.key) != section) {
      section = section_of(rule.key);
      text += format("\n[{}]\n", section);
    }
    std::string name = rule.key.substr(section.size() + 1);
    if (rule.key == kVariables) {
      text += format("set.{}{}\n", rule.value, from(rule));
      continue;
    }
    if (!is_list(rule.key)) {
      text += format("{} = {}{}\n", name, rule.value, from(rule));
      continue;
    }
    // Rules of one list can stand apart: allow, deny, allow.
    if (std::ranges::find(rules.begin(), rules.begin() + static_cast<ptrdiff_t>(i), rule.key, &Rule::key) !=
        rules.begin() + static_cast<ptrdiff_t>(i))
      continue;
    text += format("{} = [\n", name);
    for (const Rule& item : rules)
      if (item.key == rule.key) text += format("  {},{}\n", item.value, from(item));
    text += "]\n";
  }
  return text;
}

}  // namespace hv::policy
