// The worker's operations: shut in, then done, the report as the API writes it.
#pragma once

#include "base/json.h"
#include "workspace/request.h"

namespace hv::worker {

// Confines the process as the operation allows, then performs it.
base::Result<base::json::Value> perform(const workspace::Request& request);

}  // namespace hv::worker
