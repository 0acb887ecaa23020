// The policies above whoever starts a sandbox: what is chosen is intersected with them, and what a request could ask
// for beside its policy is refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/run_request.h"

namespace hv::service {

// "A" under "B+C" is "A+B+C"; what is there already is not repeated.
std::string under_ceiling(std::string policy, std::string_view ceiling);

// Whether what was started under `ceiling` is below all of `wanted`.
bool is_under(std::string_view ceiling, const std::vector<std::string>& wanted);

// Puts a request under the ceilings. denied, naming the option, for what would go beyond any policy.
base::Status put_under(core::RunRequest& request, const std::vector<std::string>& ceilings);

}  // namespace hv::service
