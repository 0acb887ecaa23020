#include "policy/schema.h"

#include <string>

#include "base/text.h"
#include "core/behavior.h"
#include "core/egress.h"
#include "core/redaction.h"
#include "policy/behavior.h"
#include "policy/keys.h"

namespace hv::policy {

namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr const char* kPolicyName = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$";
constexpr const char* kSize = "^[0-9]+(\\.[0-9]+)? ?([KMGT](i?B?)?|B)?$";
constexpr const char* kTime = "^([0-9]+(\\.[0-9]+)?(ms|d|h|m|s))+$";
// Without what other languages give a meaning, and without '..'.
constexpr const char* kGlob =
    "^(?!.*(^|/)\\.{1,2}(/|$))(?!.*//)(?!/$)[^\\[\\]{}\\\\\\u0000-\\u001f\\u007f]*[^/"
    "\\[\\]{}\\\\\\u0000-\\u001f\\u007f]$";
constexpr const char* kGrant =
    "^(~?/)(?!(proc|sys|dev|run|etc)(/|$))(?!.*\\*\\*)(?!.*(^|/)\\.{1,2}(/|$))(?!.*//).*[^/]$";
constexpr const char* kVariable = "^[A-Za-z_][A-Za-z0-9_]*$";
constexpr const char* kPassed = "^[A-Za-z_][A-Za-z0-9_]*\\*?$";
constexpr const char* kCall = "^[a-z0-9_]{1,40}$";

constexpr const char* kSecretName = "^(?=([^A-Za-z0-9]*[A-Za-z0-9]){3})(\\*?[A-Za-z0-9_.-]+|[A-Za-z0-9_.-]+\\*)$";
// How many characters it needs in all, and of those that stand for themselves, the parser knows.
constexpr const char* kSecretPattern =
    "^(([A-Za-z0-9!#%&',/:;<=>@_`~-]|\\\\[-.*+?()|^$\\[\\]{}]|\\[(?!\\^)([^\\[\\]\\\\\" "
    "]|\\\\[-.*+?()|^$\\[\\]{}])+\\])(\\{[1-9][0-9]{0,2},?\\})?)+$";

constexpr const char* kEnd = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?$";
constexpr const char* kZone = "^(?!.*(^|/)\\.)(?!.*//)[A-Za-z0-9+_-]([A-Za-z0-9+_/-]{0,62}[A-Za-z0-9+_-])?$";
constexpr const char* kHours =
    "^(never|((mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?(,(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|"
    "wed|thu|fri|sat|sun))?)* )?([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00))$";

Object text(const char* pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}

Object list(Value items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

Object of_value(const ValueKey& key) {
  switch (key.shape) {
    case Shape::size:
      return text(kSize);
    case Shape::time:
      return text(kTime);
    case Shape::integer:
      if (key.key == "limits.pids") return {{"type", "integer"}, {"minimum", 4}, {"maximum", 4'194'304}};
      return {{"type", "integer"}, {"minimum", 32}, {"maximum", 1'048'576}};
    case Shape::number:
      return {{"type", "number"}, {"minimum", 0.01}, {"maximum", 4096}};
    case Shape::boolean:
      return {{"type", "boolean"}};
    case Shape::choice: {
      Array choices;
      for (const std::string& choice : base::split(key.choices, ' ')) choices.emplace_back(choice);
      return {{"enum", std::move(choices)}};
    }
    case Shape::proof:
      return {{"oneOf", Array{Object{{"type", "boolean"}}, text(kTime)}}};
    case Shape::text:
      if (key.key == "time.not_after") return text(kEnd);
      if (key.key == "time.zone") return text(kZone);
      break;
  }
  return {{"type", "string"}};
}

Object of_list(const ListKey& key) {
  if (key.key == "filesystem.read" || key.key == "filesystem.write") return list(text(kGrant));
  if (key.key == "time.hours") return list(text(kHours));
  if (key.key == "syscalls.deny") return list(text(kCall));
  if (key.key == "environment.pass") return list(text(kPassed));
  if (key.key == "security.allow_degraded") {
    Array keys;
    for (const std::string& each : degradable_keys()) keys.emplace_back(each);
    return list(Object{{"enum", std::move(keys)}});
  }
  if (key.key == "audit.redact_names") {
    Object names = list(text(kSecretName));
    names["maxItems"] = core::Redaction::kMostNames;
    return names;
  }
  if (key.key == "audit.redact_patterns") {
    Object patterns = list(text(kSecretPattern));
    patterns["maxItems"] = core::Redaction::kMostPatterns;
    return patterns;
  }
  return list(text(kGlob));
}

Object rule_list(bool may_be_private) {
  Object table{{"host", Object{{"type", "string"}, {"minLength", 1}}},
               {"ports", list(Object{{"oneOf", Array{Object{{"type", "integer"}, {"minimum", 1}, {"maximum", 65'535}},
                                                     text("^(\\*|[0-9]{1,5}(-[0-9]{1,5})?)$")}}})},
               {"methods", list(text("^[A-Z-]{1,32}$"))},
               {"path", text("^/[^\\s%?#\\\\]*$")}};
  if (may_be_private) table["private"] = Object{{"type", "boolean"}};
  return list(
      Object{{"oneOf", Array{Object{{"type", "string"}, {"minLength", 1}}, Object{{"type", "object"},
                                                                                  {"required", Array{"host"}},
                                                                                  {"additionalProperties", false},
                                                                                  {"properties", std::move(table)}}}}});
}

// One, or a list.
Object one_or_more(Object item) {
  Object more = list(item);
  more["minItems"] = 1;
  more["maxItems"] = 256;
  return {{"oneOf", Array{std::move(item), std::move(more)}}};
}

Object one_of(const auto& names) {
  Array all;
  for (const auto& name : names) all.emplace_back(name);
  return {{"enum", std::move(all)}};
}

Object event_pattern() {
  std::vector<std::string_view> kinds;
  for (const core::StreamKind& kind : core::stream_kinds()) kinds.push_back(kind.name);
  return {{"type", "object"},
          {"required", Array{"kind"}},
          {"additionalProperties", false},
          {"properties", Object{{"kind", one_or_more(one_of(kinds))},
                                {"host", one_or_more({{"type", "string"}, {"minLength", 1}})},
                                {"path", one_or_more(text(kGlob))},
                                {"program", one_or_more(text(kGlob))},
                                {"verdict", one_or_more(one_of(std::array{"allow", "ask", "deny"}))},
                                {"risk", one_of(std::array{"info", "low", "medium", "high"})}}}};
}

// One object for each form that a rule can have; what they share is in all of them.
Object behavior_rules() {
  std::vector<std::string_view> responses;
  for (auto [response, name] : core::Names<core::Response>::table) responses.push_back(name);
  auto form = [&](Object own, Array needed) {
    Object properties{
        {"name", text(kPolicyName)}, {"response", one_or_more(one_of(responses))},
        {"cool_down", text(kTime)},  {"cpus", Object{{"type", "number"}, {"minimum", 0.01}, {"maximum", 4096}}},
        {"network", text(kSize)},    {"dry_run", Object{{"type", "boolean"}}}};
    for (auto& [key, value] : own) properties[key] = std::move(value);
    needed.emplace_back("name");
    return Object{{"type", "object"},
                  {"required", std::move(needed)},
                  {"additionalProperties", false},
                  {"properties", std::move(properties)}};
  };
  Object number{{"type", "integer"}, {"minimum", 0}};
  Object steps = list(event_pattern());
  steps["minItems"] = 2;
  steps["maxItems"] = kLongestSequence;
  Object rules =
      list(Object{{"oneOf", Array{form({{"when", event_pattern()}, {"more_than", number}, {"in", text(kTime)}},
                                       {"when", "more_than", "in"}),
                                  form({{"when", event_pattern()},
                                        {"sum", one_of(core::kSummedFields)},
                                        {"more_than", Object{{"anyOf", Array{number, text(kSize), text(kTime)}}}},
                                        {"in", text(kTime)}},
                                       {"when", "sum", "more_than", "in"}),
                                  form({{"sequence", std::move(steps)}, {"in", text(kTime)}}, {"sequence", "in"}),
                                  form({{"when", event_pattern()},
                                        {"first_seen", one_of(core::kSeenFields)},
                                        {"history", one_of(std::array{"sandbox", "agent"})}},
                                       {"when", "first_seen"})}}});
  rules["maxItems"] = kMostBehaviorRules;
  return rules;
}

}  // namespace

Value schema() {
  Object sections;
  auto add = [&](std::string_view key, Object property, std::string_view help) {
    std::string section(key.substr(0, key.find('.')));
    if (!sections.contains(section))
      sections[section] = Object{{"type", "object"}, {"additionalProperties", false}, {"properties", Object{}}};
    if (!help.empty()) property["description"] = help;
    sections[section].as_object()["properties"].as_object()[key.substr(section.size() + 1)] = std::move(property);
  };
  for (const ValueKey& key : value_keys()) add(key.key, of_value(key), key.help);
  for (const ListKey& key : list_keys()) add(key.key, of_list(key), key.help);
  add("network.allow", rule_list(true), "Who may be reached");
  add("network.ask", rule_list(true), "Who may be reached once somebody approves");
  add("network.deny", rule_list(false), "Who may not be reached, whatever else is said");
  add(kHostServices, list(Object{{"type", "integer"}, {"minimum", 1}, {"maximum", 65'535}}),
      "Ports of the host's loopback");
  add(kVariables,
      Object{{"type", "object"},
             {"propertyNames", Object{{"pattern", kVariable},
                                      {"not", Object{{"enum", Array{"HOME", "USER", "LOGNAME", "SHELL", "PATH"}}}}}},
             {"additionalProperties", Object{{"type", "string"}}}},
      "Variables and their values");
  add(kBehaviorRules, behavior_rules(), "What is done when the record of a sandbox shows something");
  Object properties{{"version", Object{{"const", 1}, {"description", "The version of this language"}}},
                    {"name", Object{{"type", "string"}, {"description", "As the file is called"}}},
                    {"description", Object{{"type", "string"}, {"description", "One line"}}},
                    {"extends", list(text(kPolicyName))}};
  properties["extends"].as_object()["description"] =
      "Policies that it is made from: the later before the earlier, itself before all";
  for (auto& [name, section] : sections) properties[name] = std::move(section);
  return Object{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                {"title", "A policy of Hydravisor"},
                {"type", "object"},
                {"required", Array{"version"}},
                {"additionalProperties", false},
                {"properties", std::move(properties)}};
}

}  // namespace hv::policy
