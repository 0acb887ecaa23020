// What two policies allow together: the sandbox's is a ceiling, and nothing widens it. Pure.
#pragma once

#include "policy/policy.h"

namespace hv::policy {

// No question that one of the two denies is allowed by the result. Where patterns overlap without one holding the
// other, less is allowed.
Policy intersect(const Policy& a, const Policy& b);

}  // namespace hv::policy
