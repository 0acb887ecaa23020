#include "policy/network.h"

#include <algorithm>
#include <optional>

#include "base/format.h"
#include "base/text.h"
#include "core/egress_text.h"

namespace hv::policy {

namespace {

using base::format;
using base::toml::Element;
using base::toml::Table;
using core::EgressRule;
using core::Verdict;

constexpr size_t kMostRules = 4096;

std::vector<core::PortRange> read_ports(Table& table) {
  std::string text;
  for (const Element& element : table.elements("ports", "an array of ports and \"FIRST-LAST\"")) {
    std::string port = element.number ? std::to_string(*element.number) : element.text.value_or("a table");
    if (base::Result<std::vector<core::PortRange>> one = core::parse_ports(port); !one)
      table.fault_at("ports", element.index, one.error().message());
    else
      text += (text.empty() ? "" : ",") + port;
  }
  // "*" beside others says all that they say.
  if (text.find('*') != std::string::npos) text = "*";
  return text.empty() ? std::vector<core::PortRange>{}
                      : core::parse_ports(text).value_or(std::vector<core::PortRange>{});
}

// A method's name, as RFC 9110 has tokens, in the upper case that all registered ones have.
bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; });
}

// Requests are compared in their plain form, so a rule in another form would match nothing.
bool is_plain_path(std::string_view path) {
  if (!path.starts_with('/') || path.size() > 1024) return false;
  for (char c : path)
    if (c <= ' ' || c == 0x7f || c == '%' || c == '?' || c == '#' || c == '\\') return false;
  std::vector<std::string> parts = base::split(path.substr(1), '/');
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == "." || parts[i] == ".." || (parts[i].empty() && i + 1 < parts.size())) return false;
  return true;
}

std::optional<EgressRule> read_table(Table table, Verdict verdict) {
  EgressRule rule;
  std::optional<std::string> host = table.required_string("host");
  base::Result<core::HostPattern> pattern = core::parse_pattern(host.value_or("*"));
  if (pattern)
    rule.host = *std::move(pattern);
  else if (base::Result<EgressRule> whole = core::parse_rule(*host); whole && !whole->ports.empty())
    table.fault("host",
                format("expected a host alone, as in host = \"{}\", ports = [...]", core::to_text(whole->host)));
  else
    table.fault("host", pattern.error().message());
  rule.ports = read_ports(table);
  rule.methods = table.strings("methods");
  for (size_t i = 0; i < rule.methods.size(); ++i)
    if (!is_method(rule.methods[i]))
      table.fault_at(
          "methods", i,
          format("expected a method in upper case, such as \"GET\"; found \"{}\"", base::printable(rule.methods[i])));
  rule.path = table.string("path").value_or("");
  if (!rule.path.empty() && !is_plain_path(rule.path))
    table.fault("path", format("expected a path such as \"/v1\", without escapes, '..' and '//'; found \"{}\"",
                               base::printable(rule.path)));
  rule.private_addresses = table.boolean("private").value_or(false);
  if (rule.private_addresses && verdict == Verdict::deny)
    table.fault("private", "a denial holds for every address; expected 'private' on rules that allow or ask");
  if (rule.host.kind == core::HostPattern::Kind::group && !rule.ports.empty())
    table.fault("ports", "a group brings its own ports");
  table.finish();
  if (!host) return std::nullopt;
  return rule;
}

void read_rules(Table& table, std::string_view key, Verdict verdict, std::string_view name, std::string_view file,
                Policy& policy) {
  core::EgressPolicy& egress = policy.egress;
  for (Element& element : table.elements(key, "an array of hosts and of tables such as {host = \"example.org\"}")) {
    std::optional<EgressRule> rule;
    if (element.table) {
      rule = read_table(*std::move(element.table), verdict);
    } else if (base::Result<EgressRule> parsed = core::parse_rule(element.text.value_or("")); parsed) {
      rule = *std::move(parsed);
    } else {
      table.fault_at(
          key, element.index,
          element.number ? format("expected a host, found the integer {}", *element.number) : parsed.error().message());
    }
    if (!rule) continue;
    if (egress.rules.size() == kMostRules) return table.fault(key, format("expected at most {} rules", kMostRules));
    rule->verdict = verdict;
    rule->origin = format("policy {}:{}", name, element.line);
    policy.origins.try_emplace(origin_key(format("network.{}", key), core::to_text(*rule)),
                               Place{std::string(name), std::string(file), element.line, element.column});
    egress.rules.push_back(*std::move(rule));
  }
}

}  // namespace

void read_network(Table& table, std::string_view name, std::string_view file, Policy& policy) {
  core::EgressPolicy& egress = policy.egress;
  std::vector<std::string> verdicts;
  for (auto [verdict, text] : core::Names<Verdict>::table) verdicts.emplace_back(text);
  if (auto index = table.choice("default", verdicts)) egress.fallback = core::Names<Verdict>::table[*index].first;
  read_rules(table, "allow", Verdict::allow, name, file, policy);
  read_rules(table, "ask", Verdict::ask, name, file, policy);
  read_rules(table, "deny", Verdict::deny, name, file, policy);
  std::vector<int64_t> ports = table.integers("host_services", 1, 65535);
  for (size_t i = 0; i < ports.size(); ++i) {
    egress.host_services.push_back(static_cast<uint16_t>(ports[i]));
    if (auto span = table.span_at("host_services", i))
      policy.origins.try_emplace(origin_key("network.host_services", std::to_string(ports[i])),
                                 Place{std::string(name), std::string(file), span->begin.line, span->begin.column});
  }
  policy.agent_hosts = table.boolean("agent_hosts").value_or(true);
}

}  // namespace hv::policy
