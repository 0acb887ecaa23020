#include "policy/egress_algebra.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/format.h"

namespace hv::policy {

namespace {

using core::EgressPolicy;
using core::EgressRule;
using core::HostPattern;
using core::PortRange;
using core::Verdict;

bool is_below(std::string_view name, std::string_view domain) {
  return name.size() > domain.size() + 1 && name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.';
}

bool includes_host(const HostPattern& wide, const HostPattern& narrow) {
  using Kind = HostPattern::Kind;
  if (wide == narrow || wide.kind == Kind::any) return true;
  if (wide.kind == Kind::suffix && (narrow.kind == Kind::exact || narrow.kind == Kind::suffix))
    return is_below(narrow.name, wide.name);
  if (wide.kind == Kind::range && narrow.kind == Kind::range)
    return wide.range.length <= narrow.range.length && wide.range.contains(narrow.range.first);
  return false;
}

bool includes_ports(const std::vector<PortRange>& wide, const std::vector<PortRange>& narrow) {
  return std::ranges::all_of(narrow, [&](const PortRange& range) {
    return std::ranges::any_of(
        wide, [&](const PortRange& each) { return each.first <= range.first && range.last <= each.last; });
  });
}

bool includes_path(const std::string& wide, const std::string& narrow) {
  if (wide.empty() || wide == narrow) return true;
  return narrow.starts_with(wide) && (wide.ends_with('/') || narrow[wide.size()] == '/');
}

std::vector<PortRange> intersect_ports(const std::vector<PortRange>& a, const std::vector<PortRange>& b) {
  std::vector<PortRange> both;
  for (const PortRange& one : a)
    for (const PortRange& other : b) {
      PortRange range{std::max(one.first, other.first), std::min(one.last, other.last)};
      if (range.first <= range.last && std::ranges::find(both, range) == both.end()) both.push_back(range);
    }
  return both;
}

// What both are about; nullopt when nothing is.
std::optional<EgressRule> intersect_rules(const EgressRule& a, const EgressRule& b) {
  EgressRule both;
  both.verdict = std::max(a.verdict, b.verdict);
  if (includes_host(a.host, b.host))
    both.host = b.host;
  else if (includes_host(b.host, a.host))
    both.host = a.host;
  else
    return std::nullopt;
  both.ports = intersect_ports(ports_of(a), ports_of(b));
  if (both.ports.empty()) return std::nullopt;
  both.methods = a.methods.empty() ? b.methods : a.methods;
  if (!a.methods.empty() && !b.methods.empty()) {
    std::erase_if(both.methods,
                  [&](const std::string& method) { return std::ranges::find(b.methods, method) == b.methods.end(); });
    if (both.methods.empty()) return std::nullopt;
  }
  if (includes_path(a.path, b.path))
    both.path = b.path;
  else if (includes_path(b.path, a.path))
    both.path = a.path;
  else
    return std::nullopt;
  both.private_addresses = a.private_addresses && b.private_addresses;
  // One that allows by methods or paths does not allow what cannot be seen, and one that asks by them asks for it:
  // together that is no single rule. Leaving it out could let an allowance stand alone, so it is denied. The same with
  // addresses: to allow a range is about connections to a number, to ask for it is about names that lead there too.
  auto sees = [](const EgressRule& rule) { return !rule.methods.empty() || !rule.path.empty(); };
  auto says_less = [&](const EgressRule& rule) {
    return rule.verdict == Verdict::allow && (sees(rule) || rule.host.kind == HostPattern::Kind::range);
  };
  if (both.verdict == Verdict::ask && (says_less(a) || says_less(b))) both.verdict = Verdict::deny;
  both.origin = a.origin == b.origin ? a.origin : base::format("{} and {}", a.origin, b.origin);
  return both;
}

// What a policy lets through by its default: everything, but no private address.
std::vector<EgressRule> open_rules(const EgressPolicy& policy) {
  std::vector<EgressRule> open;
  for (const EgressRule& rule : policy.rules)
    if (rule.verdict != Verdict::deny) open.push_back(rule);
  if (policy.fallback == Verdict::deny) return open;
  EgressRule everything;
  everything.verdict = policy.fallback;
  everything.host.kind = HostPattern::Kind::any;
  everything.ports = {{0, 65'535}};
  everything.origin = "default";
  open.push_back(std::move(everything));
  return open;
}

}  // namespace

std::vector<PortRange> ports_of(const EgressRule& rule) {
  if (!rule.ports.empty()) return rule.ports;
  if (rule.verdict == Verdict::deny) return {{0, 65'535}};
  return {{80, 80}, {443, 443}};
}

bool includes(const EgressRule& rule, const EgressRule& other) {
  if (!includes_host(rule.host, other.host) || !includes_ports(ports_of(rule), ports_of(other))) return false;
  auto has = [&](const std::string& method) { return std::ranges::find(rule.methods, method) != rule.methods.end(); };
  if (!rule.methods.empty() && (other.methods.empty() || !std::ranges::all_of(other.methods, has))) return false;
  return rule.path.empty() || (!other.path.empty() && includes_path(rule.path, other.path));
}

bool could_meet(const EgressRule& a, const EgressRule& b) {
  using Kind = HostPattern::Kind;
  if (intersect_ports(ports_of(a), ports_of(b)).empty()) return false;
  if (includes_host(a.host, b.host) || includes_host(b.host, a.host)) return true;
  auto is_name = [](const EgressRule& rule) { return rule.host.kind == Kind::exact || rule.host.kind == Kind::suffix; };
  if (is_name(a) && is_name(b)) return false;
  // A range that allows is about connections to a number, whatever name leads there.
  auto is_number = [](const EgressRule& rule) {
    return rule.host.kind == Kind::range && rule.verdict == Verdict::allow;
  };
  if ((is_name(a) && is_number(b)) || (is_number(a) && is_name(b))) return false;
  return a.host.kind != Kind::range || b.host.kind != Kind::range;
}

EgressPolicy intersect(const EgressPolicy& a, const EgressPolicy& b) {
  EgressPolicy both;
  both.fallback = Verdict::deny;
  for (const EgressPolicy* each : {&a, &b})
    for (const EgressRule& rule : each->rules)
      if (rule.verdict == Verdict::deny && std::ranges::find(both.rules, rule) == both.rules.end())
        both.rules.push_back(rule);
  const std::vector<EgressRule> of_b = open_rules(b);
  for (const EgressRule& one : open_rules(a))
    for (const EgressRule& other : of_b)
      if (auto rule = intersect_rules(one, other)) both.rules.push_back(*std::move(rule));
  for (uint16_t port : a.host_services)
    if (std::ranges::find(b.host_services, port) != b.host_services.end()) both.host_services.push_back(port);
  return both;
}

}  // namespace hv::policy
