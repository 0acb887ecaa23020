// The ledger.
#include "wire/describe_audit.h"
#include "wire/instantiate.h"

namespace hv::wire {

HV_WIRE_TYPE(core::AuditRecord);
HV_WIRE_TYPE(core::AuditPage);
HV_WIRE_TYPE(core::PruneRequest);
HV_WIRE_TYPE(core::PruneReport);
HV_WIRE_TYPE(core::VerifyReport);

}  // namespace hv::wire
