#include "network/egress_rules.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "core/egress_text.h"
#include "network/address_class.h"
#include "network/request_path.h"

namespace hv::network {

namespace {

using base::format;
using core::EgressPolicy;
using core::EgressRule;
using core::HostPattern;
using core::Verdict;

constexpr core::PortRange kWeb[] = {{80, 80}, {443, 443}};
constexpr core::PortRange kEvery[] = {{0, 65'535}};

std::span<const core::PortRange> ports_of(const EgressRule& rule) {
  if (!rule.ports.empty()) return rule.ports;
  if (rule.verdict == Verdict::deny) return kEvery;
  return kWeb;
}

bool covers_port(const EgressRule& rule, uint16_t port) {
  return std::ranges::any_of(
      ports_of(rule), [port](const core::PortRange& range) { return port >= range.first && port <= range.last; });
}

bool is_below(std::string_view name, std::string_view domain) {
  return name.size() > domain.size() + 1 && name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.';
}

bool names(const HostPattern& pattern, std::string_view name) {
  switch (pattern.kind) {
    case HostPattern::Kind::any:
      return true;
    case HostPattern::Kind::exact:
      return name == pattern.name;
    case HostPattern::Kind::suffix:
      return is_below(name, pattern.name);
    case HostPattern::Kind::range:
    case HostPattern::Kind::group:
      return false;
  }
  return false;
}

// Whether one of the addresses at which a packet could arrive is in the range.
bool reaches(const core::AddressRange& range, const core::IpAddress& address,
             std::span<const core::AddressRange> nat64) {
  if (range.contains(address)) return true;
  return std::ranges::any_of(embedded(address, nat64), [&](const core::IpAddress& v4) { return range.contains(v4); });
}

bool covers_host(const EgressRule& rule, const Target& target, std::span<const core::AddressRange> nat64) {
  if (rule.host.kind == HostPattern::Kind::any) return true;
  if (!target.name.empty() && names(rule.host, target.name)) return true;
  if (rule.host.kind != HostPattern::Kind::range || !target.address) return false;
  // An address that a name has led to is not allowed by its number: the name is what was decided on.
  if (rule.verdict == Verdict::allow) return target.name.empty() && rule.host.range.contains(*target.address);
  return reaches(rule.host.range, *target.address, nat64);
}

bool depends_on_request(const EgressRule& rule) {
  return !rule.methods.empty() || !rule.path.empty();
}

// Servers differ in whether "get" is GET; the doubt goes against the request.
bool has_method(const EgressRule& rule, std::string_view method) {
  if (rule.verdict == Verdict::allow) return std::ranges::find(rule.methods, method) != rule.methods.end();
  auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  return std::ranges::any_of(
      rule.methods, [&](const std::string& known) { return std::ranges::equal(known, method, {}, {}, upper); });
}

bool covers_request(const EgressRule& rule, const Target& target) {
  if (!depends_on_request(rule)) return true;
  // While nothing is known the best is assumed; what stays hidden is assumed to be the worst.
  if (target.sight == Sight::pending) return rule.verdict == Verdict::allow;
  if (target.sight == Sight::hidden) return rule.verdict != Verdict::allow;
  if (!rule.methods.empty() && !has_method(rule, target.method)) return false;
  if (rule.path.empty()) return true;
  std::optional<std::string> path = plain_path(target.path);
  if (!path) return rule.verdict != Verdict::allow;
  return lies_below(*path, rule.path);
}

std::string target_text(const Target& target) {
  std::string host = target.name;
  if (host.empty() && target.address)
    host = target.address->v6 ? "[" + target.address->text() + "]" : target.address->text();
  return format("{}:{}", host, target.port);
}

Decision denied(std::string rule_text, std::string reason, std::string options) {
  Decision decision;
  decision.rule_text = std::move(rule_text);
  decision.reason = std::move(reason);
  decision.options = std::move(options);
  return decision;
}

Decision by_rule(const EgressRule& rule, const Target& target) {
  Decision decision;
  decision.verdict = rule.verdict;
  decision.rule = &rule;
  decision.rule_text = to_text(rule);
  decision.origin = rule.origin;
  std::string from = rule.origin.empty() ? "" : format(" ({})", rule.origin);
  bool unseen = depends_on_request(rule) && target.sight == Sight::hidden;
  if (rule.verdict == Verdict::deny)
    decision.reason = format("the rule '{}'{} denies it{}", decision.rule_text, from,
                             unseen ? ", because the request cannot be seen in this protocol" : "");
  if (rule.verdict == Verdict::ask)
    decision.reason = format("the rule '{}'{} asks for approval", decision.rule_text, from);
  // A denial is taken back only where it was written.
  if (rule.verdict == Verdict::ask) decision.options = "--allow " + target_text(target);
  return decision;
}

// Whether the kind of place that the address is may be dialled under one of the rules that allow or ask.
std::optional<Decision> refused_place(const Target& target, const std::vector<const EgressRule*>& open,
                                      std::span<const core::AddressRange> nat64) {
  if (!target.address) return std::nullopt;
  AddressClass is = classify(*target.address, nat64);
  if (is == AddressClass::global && !target.is_hosts_own) return std::nullopt;
  // What listens at the host's own public address was often meant for its user alone: it is private like a neighbour.
  std::string place = target.is_hosts_own && is < AddressClass::local ? "address of this host"
                                                                      : format("{} address", core::name_of(is));
  std::string_view article = place.starts_with('a') ? "an" : "a";
  std::string reason = target.name.empty()
                           ? format("{} is {} {}", target.address->text(), article, place)
                           : format("{} is at {}, {} {}", target.name, target.address->text(), article, place);
  if (is == AddressClass::loopback)
    return denied(place, reason + "; services of the host are reached as host.hydravisor",
                  format("--host-port {}", target.port));
  if (is >= AddressClass::multicast) return denied(place, reason + ", which is no host", "");
  // Credentials lie there: only a rule about this one address opens it.
  auto opens = [&](const EgressRule* rule) {
    if (!rule->private_addresses) return false;
    if (is != AddressClass::metadata) return true;
    return rule->host.kind == HostPattern::Kind::range && rule->host.range.is_single() &&
           rule->host.range.contains(*target.address);
  };
  if (std::ranges::any_of(open, opens)) return std::nullopt;
  if (is == AddressClass::metadata && !target.name.empty()) return denied(place, reason, "");
  return denied(place, reason + ", and no rule with private = true allows it",
                "--allow-private " + target_text(target));
}

Decision host_service(const EgressPolicy& policy, uint16_t port) {
  if (std::ranges::find(policy.host_services, port) == policy.host_services.end())
    return denied("host_services", format("port {} of the host is not among the host services", port),
                  format("--host-port {}", port));
  Decision decision;
  decision.verdict = Verdict::allow;
  decision.rule_text = format("host_services {}", port);
  return decision;
}

}  // namespace

std::string Decision::command(std::string_view sandbox) const {
  if (options.empty()) return {};
  // Host ports are bound when a sandbox starts.
  if (options.starts_with("--host-port")) return "hydravisor run " + options;
  return format("hydravisor net {} {}", base::shell_quote(sandbox), options);
}

Decision decide(const EgressPolicy& policy, const Target& target, std::span<const core::AddressRange> nat64) {
  if (target.name == core::kHostName) {
    // The name means the host's loopback. A name server outside that gives it another address is not believed.
    if (target.address && classify(*target.address, nat64) != AddressClass::loopback)
      return denied("host_services", format("{} is the host's loopback and no other address", core::kHostName), "");
    return host_service(policy, target.port);
  }
  const EgressRule* strongest[3] = {};  // by verdict: the first that matches
  std::vector<const EgressRule*> open;
  bool by_request = false;
  bool is_special = target.address && (target.is_hosts_own || classify(*target.address, nat64) != AddressClass::global);
  for (const EgressRule& rule : policy.rules) {
    if (!covers_port(rule, target.port) || !covers_host(rule, target, nat64)) continue;
    by_request = by_request || depends_on_request(rule);
    if (!covers_request(rule, target)) continue;
    const EgressRule*& first = strongest[static_cast<size_t>(rule.verdict)];
    if (first == nullptr || (is_special && rule.private_addresses && !first->private_addresses)) first = &rule;
    if (rule.verdict != Verdict::deny) open.push_back(&rule);
  }
  auto complete = [&](Decision decision) {
    decision.by_request = by_request;
    return decision;
  };
  if (const EgressRule* rule = strongest[static_cast<size_t>(Verdict::deny)]) return complete(by_rule(*rule, target));
  std::optional<Decision> refused = refused_place(target, open, nat64);
  bool is_closed = open.empty() && policy.fallback == Verdict::deny;
  if (refused && !is_closed) return complete(*std::move(refused));
  for (Verdict verdict : {Verdict::ask, Verdict::allow})
    if (const EgressRule* rule = strongest[static_cast<size_t>(verdict)]) return complete(by_rule(*rule, target));
  Decision decision;
  decision.verdict = policy.fallback;
  decision.rule_text = "default";
  if (policy.fallback == Verdict::deny) decision.reason = format("no rule allows {}", target_text(target));
  if (policy.fallback == Verdict::ask) decision.reason = "the default asks for approval";
  if (policy.fallback != Verdict::allow)
    decision.options = refused ? refused->options : "--allow " + target_text(target);
  return complete(std::move(decision));
}

Decision decide_name(const EgressPolicy& policy, std::string_view name) {
  Target target;
  target.name = name;
  target.port = 443;
  if (name == core::kHostName) {
    if (!policy.host_services.empty()) return host_service(policy, policy.host_services.front());
    return host_service(policy, 0);
  }
  // The port at which it fares best: which one follows, a query does not say. Verdicts change only where some range of
  // ports begins or has just ended.
  std::vector<uint16_t> ports;
  for (const EgressRule& rule : policy.rules) {
    if (!names(rule.host, name)) continue;
    for (const core::PortRange& range : ports_of(rule)) {
      ports.push_back(std::max<uint16_t>(range.first, 1));
      if (range.last < 65'535) ports.push_back(range.last + 1);
    }
  }
  Decision best = decide(policy, target);
  for (uint16_t port : ports) {
    if (best.verdict == Verdict::allow) break;
    target.port = port;
    Decision other = decide(policy, target);
    if (other.verdict < best.verdict) best = std::move(other);
  }
  return best;
}

bool has_names_below(const EgressPolicy& policy, std::string_view name) {
  return policy.fallback != Verdict::deny || std::ranges::any_of(policy.rules, [name](const EgressRule& rule) {
           if (rule.verdict == Verdict::deny) return false;
           switch (rule.host.kind) {
             case HostPattern::Kind::any:
               return true;
             case HostPattern::Kind::exact:
               return name == "." || is_below(rule.host.name, name);
             case HostPattern::Kind::suffix:
               return name == "." || rule.host.name == name || is_below(rule.host.name, name) ||
                      is_below(name, rule.host.name);
             case HostPattern::Kind::range:
             case HostPattern::Kind::group:
               return false;
           }
           return false;
         });
}

}  // namespace hv::network
