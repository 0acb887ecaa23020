// What is asked of policies.
#include "wire/describe_policy.h"
#include "wire/instantiate.h"

namespace hv::wire {

HV_WIRE_TYPE(core::PolicyInfo);
HV_WIRE_TYPE(List<core::PolicyInfo>);
HV_WIRE_TYPE(core::PolicyTextRequest);
HV_WIRE_TYPE(core::PolicyReport);
HV_WIRE_TYPE(core::PolicyExplanation);
HV_WIRE_TYPE(core::PolicyQuestion);
HV_WIRE_TYPE(core::PolicyAnswer);
HV_WIRE_TYPE(core::PolicyDiffRequest);
HV_WIRE_TYPE(core::PolicyDiff);
HV_WIRE_TYPE(core::PolicySimulateRequest);
HV_WIRE_TYPE(core::PolicySimulation);
HV_WIRE_TYPE(core::PolicyLearnRequest);
HV_WIRE_TYPE(core::PolicyLearned);
HV_WIRE_TYPE(core::PolicyWriteRequest);

}  // namespace hv::wire
