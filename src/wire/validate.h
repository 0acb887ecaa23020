// What a request must hold to beyond the types of its members. What depends on the host or on other sandboxes is the
// service's to say.
#pragma once

#include "base/result.h"
#include "core/change.h"
#include "core/host_info.h"
#include "core/run_request.h"

namespace hv::wire {

base::Status validate(const core::RunRequest& request);
base::Status validate(const core::ExecRequest& request);
base::Status validate(const core::AttachRequest& request);
base::Status validate(const core::StopRequest& request);
base::Status validate(const core::KillRequest& request);
base::Status validate(const core::ExtendRequest& request);
base::Status validate(const core::RenameRequest& request);
base::Status validate(const core::NetworkRequest& request);
base::Status validate(const core::ReexecRequest& request);
base::Status validate(const core::ApplyRequest& request);
base::Status validate(const core::DiscardRequest& request);

}  // namespace hv::wire
