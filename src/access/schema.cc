#include "access/schema.h"

#include <string>

#include "access/access.h"

namespace hv::access {

namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr const char* kPrincipal = "^(user:(0|[1-9][0-9]{0,9})|agent:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})$";
constexpr const char* kPrincipalOrRole =
    "^(user:(0|[1-9][0-9]{0,9})|agent:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}|role:[A-Za-z0-9_][A-Za-z0-9_-]{0,63})$";
constexpr const char* kName = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$";
constexpr const char* kSandbox = "^[a-z0-9*-]{1,63}$";
constexpr const char* kAgent = "^[A-Za-z0-9_*][A-Za-z0-9_*-]{0,63}$";
constexpr const char* kLabel = "^[^=]+=.*$";

Object text(const char* pattern, const char* help) {
  return {{"type", "string"}, {"pattern", pattern}, {"description", help}};
}

Object list(Object items, const char* help) {
  return {{"type", "array"}, {"items", std::move(items)}, {"description", help}};
}

// Completed by name; a pattern of several is known by its star.
Object actions(const char* help) {
  Array names;
  for (auto [action, name] : core::Names<core::Action>::table) names.emplace_back(name);
  Object pattern{{"type", "string"}, {"pattern", "^[a-z.*]*\\*[a-z.*]*$"}};
  return list({{"anyOf", Array{Object{{"enum", std::move(names)}}, std::move(pattern)}}}, help);
}

Object table(Object properties, Array required = {}) {
  Object object{{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) object["required"] = std::move(required);
  return object;
}

Object needing_one_of(Object object, std::initializer_list<const char*> keys) {
  Array one;
  for (const char* key : keys) one.emplace_back(Object{{"required", Array{key}}});
  if (!object.contains("allOf")) object["allOf"] = Array{};
  object["allOf"].as_array().emplace_back(Object{{"anyOf", std::move(one)}});
  return object;
}

void add_conditions(Object& properties) {
  properties["sandboxes"] = list(text(kSandbox, "A name; '*' stands for any characters"), "Names of sandboxes");
  properties["agents"] = list(text(kAgent, "A profile; '*' stands for any characters"), "Profiles of agents");
  properties["labels"] = list(text(kLabel, "NAME=VALUE"), "Labels of sandboxes");
}

}  // namespace

Value schema() {
  Object role{{"allow", actions("What it may")},
              {"deny", actions("What it may not, whatever else is said")},
              {"own", actions("What it may with sandboxes that it made itself")},
              {"policy", text(kName, "A policy that is the ceiling of every sandbox that it starts")},
              {"recorded", Object{{"type", "boolean"}, {"description", "Also what it may is recorded, each time"}}}};
  Object principal{{"role", text(kName, "trusted, sandboxed, audited, or one of [roles]")},
                   {"policy", text(kName, "A policy that is the ceiling of every sandbox that it starts")}};
  Object grant{{"principal", text(kPrincipal, "Who: a person by number, an agent by name")},
               {"role", text(kName, "Who: everybody with this role")},
               {"allow", actions("What they may")},
               {"deny", actions("What they may not, whatever else is said")}};
  add_conditions(grant);
  Object grant_table = needing_one_of(table(std::move(grant)), {"allow", "deny"});
  grant_table["oneOf"] = Array{Object{{"required", Array{"principal"}}}, Object{{"required", Array{"role"}}}};
  Object sandbox{{"principals", list(text(kPrincipalOrRole, "A principal, or role:NAME"), "For whom; absent: for all")},
                 {"allow", actions("What may be done with them")},
                 {"deny", actions("What may not be done with them, whatever else is said")}};
  add_conditions(sandbox);
  Object sandbox_table =
      needing_one_of(needing_one_of(table(std::move(sandbox)), {"allow", "deny"}), {"sandboxes", "agents", "labels"});
  auto map = [](const char* names, Object of, const char* help) {
    return Object{{"type", "object"},
                  {"description", help},
                  {"propertyNames", Object{{"pattern", names}}},
                  {"additionalProperties", std::move(of)}};
  };
  Object roles = map(kName, table(std::move(role)), "Roles beside trusted, sandboxed and audited");
  roles["propertyNames"].as_object()["not"] =
      Object{{"enum", Array{std::string(kTrusted), std::string(kSandboxed), std::string(kAudited)}}};
  Object properties{
      {"version", Object{{"const", 1}, {"description", "The version of this language"}}},
      {"principals", map(kPrincipal, table(std::move(principal), Array{"role"}), "Who is known, and as what")},
      {"roles", std::move(roles)},
      {"grants", list(std::move(grant_table), "Of the principal's scope")},
      {"sandboxes", list(std::move(sandbox_table), "Of the sandbox's own scope")}};
  return Object{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                {"title", "access.toml of Hydravisor"},
                {"type", "object"},
                {"required", Array{"version"}},
                {"additionalProperties", false},
                {"properties", std::move(properties)}};
}

}  // namespace hv::access
