// The interest in what a sandbox does later.
#pragma once

#include "base/subscription.h"

namespace hv::core {

using Subscription = base::Subscription;

}  // namespace hv::core
