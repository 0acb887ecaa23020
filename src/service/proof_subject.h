// What a proof of containment is about, so that a later start can be held against it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/launch.h"
#include "core/proof.h"
#include "core/run_request.h"
#include "policy/policy.h"

namespace hv::service {

// Equal for policies that say the same, in whatever order and with whatever comments they are written.
std::string policy_digest(const policy::Policy& policy);

// Of all that a supervisor is told, but for what every sandbox has for itself (id, name, directory, control groups, the
// ids of the host) and for what runs in it. Two sandboxes with the same digest are held by the same means.
std::string plan_digest(core::LaunchSpec spec);

// What weakens or replaces the usual means, in a fixed order.
std::vector<std::string> variant_of(const core::LaunchSpec& spec, const core::RunRequest& request);

// The kernel that runs, and the machine. The latter is a hash of its id, or of its name where it has none: state may
// lie on a disk that several machines share.
std::string running_kernel();
std::string this_machine(const std::string& machine_id_file = "/etc/machine-id");

// What is true of every start with this policy now: all but variant and plan.
core::ProofSubject subject_now(const std::string& policy, std::string digest);
// The same for the policy of this name, which is read anew from the user's `policies` or the shipped ones.
base::Result<core::ProofSubject> subject_of_policy(const std::string& policies, const std::string& name);

// Why a start like `wanted` does not go by a proof about `proven`; empty: it does. Plans may differ.
std::string why_other(const core::ProofSubject& proven, const core::ProofSubject& wanted);

}  // namespace hv::service
