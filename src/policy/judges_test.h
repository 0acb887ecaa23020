// The real judges for tests of decisions: the gateway's rules for hosts.
#pragma once

#include "core/address.h"
#include "network/egress_rules.h"
#include "policy/evaluate.h"

namespace hv::policy {

inline HostAnswer judge_host(const core::EgressPolicy& policy, const Question& question) {
  network::Target target;
  target.name = question.subject;
  target.port = question.port;
  if (!question.address.empty()) target.address = *core::parse_address(question.address);
  if (!question.method.empty()) {
    target.sight = network::Sight::seen;
    target.method = question.method;
    target.path = question.path;
  } else {
    target.sight = question.is_plain ? network::Sight::pending : network::Sight::hidden;
  }
  network::Decision decision = network::decide(policy, target);
  HostAnswer answer{decision.verdict, std::nullopt, decision.rule_text, decision.reason};
  if (decision.rule != nullptr) answer.rule = static_cast<size_t>(decision.rule - policy.rules.data());
  return answer;
}

inline Judges test_judges() {
  return {judge_host, [](std::string_view name) { return name == "mount" || name == "bpf"; },
          [](std::string_view name) { return name.ends_with("TOKEN"); },
          [](const std::string&) -> base::Result<base::TimeZone> { return base::TimeZone::utc(); }};
}

}  // namespace hv::policy
