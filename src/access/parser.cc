// access.toml read: docs/access.md is its page.
#include <algorithm>
#include <set>

#include "access/access.h"
#include "base/format.h"
#include "base/text.h"
#include "base/toml.h"

namespace hv::access {

namespace {

using base::format;
using base::toml::Element;
using base::toml::Table;

class Parser {
 public:
  Parser(std::string_view file, Access& access) : file_(base::printable(file)), access_(access) {}

  void read(Table& root);

 private:
  // Calls `take` for each text of the list; what it answers is the fault.
  template <typename Take>
  void each(Table& table, std::string_view key, const Take& take);
  // With `of_sandboxes`, what is about none is a fault: it could never matter.
  std::vector<Entry> entries(Table& table, std::string_view key, bool of_sandboxes = false);
  Condition condition(Table& table);
  std::optional<std::string> policy(Table& table);
  std::vector<std::string> role_names() const;
  // Faults unless there is such a role.
  void check_role(Table& table, std::string_view key, const std::string& name);
  std::string principal(Table& table, std::string_view key, const std::string& text);

  void read_roles(Table table);
  void read_principals(Table table);
  void read_grant(Table table, Place place);
  void read_sandbox(Table table, Place place);
  Place place(uint32_t line) const { return {file_, line}; }

  std::string file_;
  Access& access_;
};

template <typename Take>
void Parser::each(Table& table, std::string_view key, const Take& take) {
  for (const Element& element : table.elements(key, "an array of strings")) {
    std::optional<std::string> why;
    if (element.text)
      why = take(*element.text, element.line);
    else
      why = element.number ? format("expected a string, found the integer {}", *element.number)
                           : "expected a string, found a table";
    if (why) table.fault_at(key, element.index, *why);
  }
}

bool concerns_sandboxes(const Pattern& actions) {
  return std::ranges::any_of(core::Names<core::Action>::table, [&](const auto& known) {
    return core::is_about_sandboxes(known.first) && actions.matches(known.second);
  });
}

std::vector<Entry> Parser::entries(Table& table, std::string_view key, bool of_sandboxes) {
  std::vector<Entry> all;
  each(table, key, [&](const std::string& text, uint32_t line) {
    auto why = why_no_action(text);
    if (!why && of_sandboxes && !concerns_sandboxes(Pattern(text)))
      why = format("'{}' is not about sandboxes, so this could never hold for some of them", text);
    if (!why) all.push_back({Pattern(text), place(line)});
    return why;
  });
  return all;
}

Condition Parser::condition(Table& table) {
  Condition where;
  each(table, "sandboxes", [&](const std::string& text, uint32_t) {
    auto why = why_no_sandbox(text);
    if (!why) where.sandboxes.emplace_back(text);
    return why;
  });
  each(table, "agents", [&](const std::string& text, uint32_t) -> std::optional<std::string> {
    std::string plain = text;
    std::erase(plain, '*');
    if (text.empty() || !(plain.empty() || is_role_name(plain)))
      return format("expected the name of an agent's profile, in which '*' stands for any characters; found \"{}\"",
                    base::printable(text.substr(0, 80)));
    where.agents.emplace_back(text);
    return std::nullopt;
  });
  each(table, "labels", [&](const std::string& text, uint32_t) -> std::optional<std::string> {
    if (text.find('=') == std::string::npos || text.starts_with('='))
      return format("expected a label, such as \"team=web\"; found \"{}\"", base::printable(text.substr(0, 80)));
    where.labels.push_back(text);
    return std::nullopt;
  });
  table.refuse("templates",
               "there are no templates yet, so nothing can be granted by one; remove it (comes with templates: "
               "docs/access.md#conditions)");
  return where;
}

std::optional<std::string> Parser::policy(Table& table) {
  auto name = table.string("policy");
  if (!name || is_role_name(*name)) return name;
  table.fault("policy", format("expected the name of a policy, found \"{}\"", base::printable(name->substr(0, 80))));
  return std::nullopt;
}

std::vector<std::string> Parser::role_names() const {
  std::vector<std::string> names;
  for (const auto& [name, role] : access_.roles) names.push_back(name);
  return names;
}

void Parser::check_role(Table& table, std::string_view key, const std::string& name) {
  if (access_.roles.contains(name)) return;
  std::vector<std::string> known = role_names();
  std::string message =
      format("expected a role ({}); found \"{}\"", base::join(known, ", "), base::printable(name.substr(0, 80)));
  if (auto near = base::nearest(name, known)) message += format(" (did you mean '{}'?)", *near);
  table.fault(key, message);
}

std::string Parser::principal(Table& table, std::string_view key, const std::string& text) {
  auto parsed = core::Principal::parse(text);
  if (!parsed) table.fault(key, parsed.error().message());
  return parsed ? parsed->text() : "";
}

void Parser::read_roles(Table table) {
  for (const std::string& name : table.keys()) {
    uint32_t line = table.span(name) ? table.span(name)->begin.line : 1;
    if (!is_role_name(name))
      table.fault(name, format("expected a role's name of letters, digits, '-' and '_'; found \"{}\"",
                               base::printable(name.substr(0, 80))));
    else if (access_.roles.contains(name))
      table.fault(name, format("'{}' is built in; expected another name", name));
    Table each = table.table(name);
    Role role;
    role.name = name;
    role.place = place(line);
    role.allow = entries(each, "allow");
    role.deny = entries(each, "deny");
    role.own = entries(each, "own", true);
    role.policy = policy(each);
    role.recorded = each.boolean("recorded").value_or(false);
    each.finish();
    if (is_role_name(name)) access_.roles.try_emplace(name, std::move(role));
  }
  table.finish();
}

void Parser::read_principals(Table table) {
  for (const std::string& name : table.keys()) {
    uint32_t line = table.span(name) ? table.span(name)->begin.line : 1;
    std::string who = principal(table, name, name);
    Table each = table.table(name);
    Standing standing;
    standing.place = place(line);
    standing.role = each.required_string("role").value_or("");
    if (!standing.role.empty()) check_role(each, "role", standing.role);
    standing.policy = policy(each);
    each.finish();
    if (!who.empty()) access_.principals[who] = std::move(standing);
  }
  table.finish();
}

// What no grant can give an agent is not to be read as if it did.
std::optional<std::string> first_above_agents(const std::vector<Entry>& allow) {
  for (const Entry& each : allow)
    if (auto action = core::parse_name<core::Action>(each.actions.text()); action && core::is_above_agents(*action))
      return each.actions.text();
  return std::nullopt;
}

void Parser::read_grant(Table table, Place place) {
  Grant grant;
  grant.place = std::move(place);
  auto who = table.string("principal");
  auto role = table.string("role");
  if (who) grant.principal = principal(table, "principal", *who);
  if (role) {
    check_role(table, "role", *role);
    grant.role = *role;
  }
  if (who && role)
    table.fault("role", "expected either 'principal' or 'role'; found both");
  else if (!table.has("principal") && !table.has("role"))
    table.fault("principal", "expected 'principal' or 'role'; found neither");
  grant.where = condition(table);
  grant.allow = entries(table, "allow", !grant.where.empty());
  grant.deny = entries(table, "deny", !grant.where.empty());
  if (grant.principal.starts_with("agent:"))
    if (auto action = first_above_agents(grant.allow))
      table.fault("allow", format("no agent can be allowed '{}': it could lift the rules for itself", *action));
  if (!table.has("allow") && !table.has("deny")) table.fault("allow", "expected 'allow' or 'deny'; found neither");
  table.finish();
  access_.grants.push_back(std::move(grant));
}

void Parser::read_sandbox(Table table, Place place) {
  SandboxRule rule;
  rule.place = std::move(place);
  rule.where = condition(table);
  if (!table.has("sandboxes") && !table.has("agents") && !table.has("labels"))
    table.fault("sandboxes", "expected 'sandboxes', 'agents' or 'labels'; found none of them");
  each(table, "principals", [&](const std::string& text, uint32_t) -> std::optional<std::string> {
    if (text.starts_with("role:")) {
      std::string name = text.substr(5);
      if (!access_.roles.contains(name))
        return format("expected a role ({}) after \"role:\"; found \"{}\"", base::join(role_names(), ", "),
                      base::printable(name.substr(0, 80)));
    } else if (auto parsed = core::Principal::parse(text); !parsed) {
      return parsed.error().message();
    }
    rule.principals.push_back(text);
    return std::nullopt;
  });
  rule.allow = entries(table, "allow", true);
  rule.deny = entries(table, "deny", true);
  if (!table.has("allow") && !table.has("deny")) table.fault("allow", "expected 'allow' or 'deny'; found neither");
  table.finish();
  access_.sandboxes.push_back(std::move(rule));
}

void Parser::read(Table& root) {
  read_roles(root.table("roles"));
  read_principals(root.table("principals"));
  auto tables = [&](std::string_view key, auto take) {
    for (Element& element : root.elements(key, "tables")) {
      if (element.table)
        take(std::move(*element.table), place(element.line));
      else
        root.fault_at(key, element.index, format("expected a table: [[{}]]", key));
    }
  };
  tables("grants", [&](Table table, Place at) { read_grant(std::move(table), std::move(at)); });
  tables("sandboxes", [&](Table table, Place at) { read_sandbox(std::move(table), std::move(at)); });
}

}  // namespace

base::Result<Access> parse(std::string_view text, std::string_view file) {
  base::toml::Reader reader = HV_TRY(base::toml::Reader::parse(text, file));
  Table root = reader.root();
  reader.expect_version(root, 1);
  Access access = built_in();
  Parser(file, access).read(root);
  root.finish();
  HV_TRY(reader.finish());
  return access;
}

}  // namespace hv::access
