// Limits between what was asked for and what this machine keeps: chosen, checked, told.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/launch.h"
#include "core/run_request.h"
#include "core/sandbox_info.h"
#include "isolation/cgroup.h"

namespace hv::service {

// An option goes before the policy.
core::Limits decide_limits(const core::LimitsRequest& request, const core::Limits& policy);

// A limit of the policy holds as far as this machine can, and `inspect` says where it does not; one that was asked for
// by name stops the start. unsupported.
base::Status check_limits(const core::LimitsRequest& request, const isolation::CgroupPlan& plan);

core::LimitsInfo describe_limits(const core::Limits& asked, const isolation::CgroupPlan& plan);

// What a limit does not bind here, a sentence each.
std::vector<std::string> limit_notes(const core::Limits& limits, core::WorkspaceMode mode);

// What limits.disk_bytes is about: the layers of the overlays, and the home.
std::vector<std::string> counted_directories(const core::LaunchSpec& spec, const std::string& home);

}  // namespace hv::service
