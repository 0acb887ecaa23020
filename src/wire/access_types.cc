// What is asked of access.
#include "wire/describe_access.h"
#include "wire/instantiate.h"

namespace hv::wire {

HV_WIRE_TYPE(core::TokenRequest);
HV_WIRE_TYPE(core::TokenInfo);
HV_WIRE_TYPE(core::TokenMade);
HV_WIRE_TYPE(core::AccessInfo);
HV_WIRE_TYPE(core::AccessQuestion);
HV_WIRE_TYPE(core::AccessAnswer);
HV_WIRE_TYPE(List<core::TokenInfo>);

}  // namespace hv::wire
