// What a request, its policy and the agent's profile decide together, before the host is looked at.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/paths.h"
#include "core/run_request.h"
#include "images/agent_profile.h"
#include "images/plan.h"
#include "policy/enforcement.h"
#include "policy/policy.h"

namespace hv::service {

struct Decision {
  policy::Policy policy;
  std::string policy_digest;  // of what its file says, before the request adds to it
  images::AgentProfile agent;
  core::WorkspaceMode mode = core::WorkspaceMode::cow;
  bool keep = false;
  bool nested = false;
  core::Limits limits;
};

// denied where the request asks for more than the policy gives.
base::Result<Decision> decide(const core::RunRequest& request, const core::Paths& paths);

// What to look for on the host. `directory` is the sandbox's own.
images::PlanRequest plan_request(const core::RunRequest& request, const Decision& decision, const std::string& user,
                                 const core::Paths& paths, const std::string& directory);

// What the agent's profile asks for and this policy does not give: it starts all the same, and the user learns why it
// may fail.
std::vector<std::string> agent_notes(const Decision& decision);

// What the policy says and this machine cannot keep: a sentence for each that is accepted, and the first that is not
// refuses the start.
base::Result<std::vector<std::string>> accept_losses(const core::RunRequest& request, const Decision& decision,
                                                     const policy::Machine& machine);

}  // namespace hv::service
