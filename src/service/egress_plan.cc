#include "service/egress_plan.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/text.h"
#include "core/egress_text.h"
#include "isolation/egress_net.h"
#include "network/address_class.h"

namespace hv::service {

namespace {

using base::Failure;
using base::format;
using base::Result;
using base::Status;
using core::EgressPolicy;
using core::EgressRule;
using core::HostPattern;
using core::Verdict;

// A range of addresses is private when both of its ends are: the special blocks are larger than any hole in them.
Status check_effect(const EgressRule& rule) {
  if (rule.verdict == Verdict::deny || rule.host.kind != HostPattern::Kind::range) return {};
  core::IpAddress last = rule.host.range.first;
  for (size_t bit = rule.host.range.length; bit < (last.v6 ? 128U : 32U); ++bit)
    last.bytes[bit / 8] |= static_cast<uint8_t>(0x80U >> bit % 8);
  network::AddressClass first = network::classify(rule.host.range.first);
  if (first == network::AddressClass::global || first != network::classify(last)) return {};
  std::string what = format("'{}' ({}) is a {} address", core::to_text(rule.host), rule.origin, core::name_of(first));
  if (first == network::AddressClass::loopback)
    return Failure(base::invalid_argument(what + ", which is the sandbox's own inside")
                       .with_hint("to reach a service of the host: --host-port PORT"));
  if (first >= network::AddressClass::multicast) return Failure(base::invalid_argument(what + ", which is no host"));
  if (rule.private_addresses) return {};
  return Failure(base::invalid_argument(what + ", so the rule would let nothing through")
                     .with_hint("say that it is meant: private = true in the policy, or --allow-private"));
}

Status add(EgressPlan& plan, EgressRule rule, const GroupResolver& resolve) {
  HV_TRY(check_effect(rule));
  if (rule.host.kind != HostPattern::Kind::group) {
    plan.policy.rules.push_back(std::move(rule));
    return {};
  }
  std::string group = core::to_text(rule.host);
  std::vector<EgressRule> found = HV_TRY_CONTEXT(resolve(rule.host.name), group);
  if (found.empty())
    plan.notes.push_back(
        format("{} ({}) stands for nothing here: no configuration names a server", group, rule.origin));
  for (EgressRule& one : found) {
    one.verdict = rule.verdict;
    one.methods = rule.methods;
    one.path = rule.path;
    one.private_addresses = rule.private_addresses;
    one.origin = format("{}: {} from {}", rule.origin, group, one.origin);
    plan.policy.rules.push_back(std::move(one));
  }
  return {};
}

Status add_text(EgressPlan& plan, std::string_view text, bool private_addresses, std::string_view origin,
                const GroupResolver& resolve) {
  EgressRule rule = HV_TRY_CONTEXT(core::parse_rule(text), origin);
  rule.private_addresses = private_addresses;
  rule.origin = origin;
  return add(plan, std::move(rule), resolve);
}

}  // namespace

Result<EgressPlan> plan_rule(std::string_view text, bool private_addresses, std::string_view origin,
                             const GroupResolver& resolve) {
  EgressPlan plan;
  HV_TRY(add_text(plan, text, private_addresses, origin, resolve));
  return plan;
}

Result<EgressPlan> plan_egress(const policy::Policy& policy, const images::AgentProfile& agent,
                               const core::RunRequest& request, const GroupResolver& resolve) {
  EgressPlan plan;
  std::vector<uint16_t>& services = plan.policy.host_services;
  services = policy.egress.host_services;
  services.insert(services.end(), request.host_ports.begin(), request.host_ports.end());
  std::ranges::sort(services);
  services.erase(std::ranges::unique(services).begin(), services.end());
  if (request.network == core::NetworkMode::none) return plan;
  plan.policy.fallback = policy.egress.fallback;
  for (const EgressRule& rule : policy.egress.rules) HV_TRY(add(plan, rule, resolve));
  for (const std::string& text : request.allow) HV_TRY(add_text(plan, text, false, "--allow", resolve));
  for (const std::string& text : request.allow_private) HV_TRY(add_text(plan, text, true, "--allow-private", resolve));
  if (policy.agent_hosts)
    for (const std::string& host : agent.hosts) HV_TRY(add_text(plan, host, false, "agent " + agent.name, resolve));
  return plan;
}

core::NetworkInfo describe_network(const EgressPolicy& policy) {
  core::NetworkInfo info;
  info.open = core::opens_network(policy);
  info.fallback = policy.fallback;
  for (const EgressRule& rule : policy.rules) info.rules.push_back({rule.verdict, core::to_text(rule), rule.origin});
  return info;
}

std::vector<std::string> proxy_variables(const std::vector<core::Variable>& environment) {
  constexpr std::array<std::string_view, 8> kNames{"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                                   "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
  // A web server gives its CGI programs a client's field "Proxy" by the name of HTTP_PROXY, and always a method.
  bool is_cgi = std::ranges::find(environment, "REQUEST_METHOD", &core::Variable::name) != environment.end();
  std::vector<std::string> found;
  for (const core::Variable& variable : environment)
    if (std::ranges::find(kNames, variable.name) != kNames.end() && !(is_cgi && variable.name == "HTTP_PROXY"))
      found.push_back(variable.name + "=" + variable.value);
  return found;
}

std::vector<core::Variable> courtesy_variables(std::string_view hostname) {
  const std::string proxy = format("http://127.0.0.1:{}", isolation::kProxyPort);
  // What is inside, and the host's services, are reached without a detour; the proxy would refuse them.
  const std::string direct = format("localhost,.localhost,127.0.0.1,::1,host.hydravisor,{}", hostname);
  std::vector<core::Variable> variables;
  for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"})
    variables.push_back({name, proxy});
  for (const char* name : {"no_proxy", "NO_PROXY"}) variables.push_back({name, direct});
  return variables;
}

}  // namespace hv::service
