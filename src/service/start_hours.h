// A policy's hours at the moment of a start.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "policy/policy.h"
#include "service/planner.h"

namespace hv::service {

// Whether it may start now, and into `plan` what of its time is left. denied outside the hours, with the next ones.
base::Status plan_time(const policy::Policy& policy, base::WallTime wall, LaunchPlan& plan);

}  // namespace hv::service
