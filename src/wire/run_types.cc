// Requests that make and steer sandboxes, and what a sandbox looks like.
#include "wire/describe_request.h"
#include "wire/describe_sandbox.h"
#include "wire/instantiate.h"

namespace hv::wire {

HV_WIRE_TYPE(core::RunRequest);
HV_WIRE_TYPE(core::ExecRequest);
HV_WIRE_TYPE(core::AttachRequest);
HV_WIRE_TYPE(core::StopRequest);
HV_WIRE_TYPE(core::KillRequest);
HV_WIRE_TYPE(core::ExtendRequest);
HV_WIRE_TYPE(core::RenameRequest);
HV_WIRE_TYPE(core::NetworkRequest);
HV_WIRE_TYPE(core::SandboxInfo);
HV_WIRE_TYPE(core::Outcome);
HV_WIRE_TYPE(core::SandboxStats);
HV_WIRE_TYPE(core::Usage);
HV_WIRE_TYPE(List<core::SandboxInfo>);

}  // namespace hv::wire
