// What a sandbox may reach: policy, agent profile and request put together, groups replaced by what they stand for.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/egress.h"
#include "core/run_request.h"
#include "core/sandbox_info.h"
#include "images/agent_profile.h"
#include "policy/policy.h"

namespace hv::service {

// Allowing rules for a group, each with the file that names its host as the origin.
using GroupResolver = std::function<base::Result<std::vector<core::EgressRule>>(std::string_view group)>;

struct EgressPlan {
  core::EgressPolicy policy;
  std::vector<std::string> notes;  // what was asked for and comes to nothing here
};

// invalid_argument for a rule that could never let anything through.
base::Result<EgressPlan> plan_egress(const policy::Policy& policy, const images::AgentProfile& agent,
                                     const core::RunRequest& request, const GroupResolver& resolve);

// The same for one rule that is added while a sandbox runs: a policy of the rules that `text` stands for.
base::Result<EgressPlan> plan_rule(std::string_view text, bool private_addresses, std::string_view origin,
                                   const GroupResolver& resolve);

// The policy as people read it.
core::NetworkInfo describe_network(const core::EgressPolicy& policy);

// Of the caller's variables those by which the host itself gets out, as "K=V": the gateway uses them, the agent does
// not see them.
std::vector<std::string> proxy_variables(const std::vector<core::Variable>& environment);

// What leads programs inside to the gateway's proxy, for better errors than a reset: nothing depends on them.
// `hostname` is the sandbox's own.
std::vector<core::Variable> courtesy_variables(std::string_view hostname);

}  // namespace hv::service
