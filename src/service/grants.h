// What a request binds beside the policy: `--read` and `--write`.
#pragma once

#include "base/result.h"
#include "core/run_request.h"
#include "policy/policy.h"

namespace hv::service {

// Adds the request's paths to the policy's, under the rules that hold for those. A policy may name what a machine does
// not have; what was asked for by name must be there. invalid_argument, not_found.
base::Status add_grants(const core::RunRequest& request, policy::Policy& policy);

}  // namespace hv::service
