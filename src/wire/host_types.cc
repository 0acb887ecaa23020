// The daemon, its machine, and what probes prove of it.
#include "wire/describe_host.h"
#include "wire/describe_probe.h"
#include "wire/instantiate.h"

namespace hv::wire {

HV_WIRE_TYPE(core::DaemonInfo);
HV_WIRE_TYPE(core::ReexecRequest);
HV_WIRE_TYPE(core::AgentInfo);
HV_WIRE_TYPE(core::HomeInfo);
HV_WIRE_TYPE(core::DoctorReport);
HV_WIRE_TYPE(core::ReapReport);
HV_WIRE_TYPE(core::ProbeRequest);
HV_WIRE_TYPE(core::ProbeReport);
HV_WIRE_TYPE(core::Proof);
HV_WIRE_TYPE(core::ProofInfo);
HV_WIRE_TYPE(List<core::AgentInfo>);
HV_WIRE_TYPE(List<core::HomeInfo>);
HV_WIRE_TYPE(List<core::ProofInfo>);

}  // namespace hv::wire
