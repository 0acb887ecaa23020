// What lies between a workspace and its sandbox.
#include "wire/describe_changes.h"
#include "wire/instantiate.h"

namespace hv::wire {

HV_WIRE_TYPE(core::ChangeReport);
HV_WIRE_TYPE(core::DiffRequest);
HV_WIRE_TYPE(core::ApplyRequest);
HV_WIRE_TYPE(core::ApplyReport);
HV_WIRE_TYPE(core::DiscardRequest);
HV_WIRE_TYPE(core::PathsReport);

}  // namespace hv::wire
