// A proof of containment: what a sandbox was made of, and what became of every attempt to leave it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core/audit_query.h"
#include "core/host_info.h"

namespace hv::core {

// What the proof is about. A start that agrees in all but the plan is one of the same policy on the same machine.
struct ProofSubject {
  std::string policy;
  std::string policy_digest;  // hexadecimal SHA-256 of what the policy says
  std::string plan_digest;    // the same of all that a supervisor is told, but for names, the command and host ids
  std::vector<std::string> variant;  // what the start chose beside the policy: "nested", "rootfs", "without seccomp"
  std::string kernel;                // its release and build
  std::string machine;               // derived from the machine's id, which it does not show
  std::string version;               // Hydravisor's
  bool operator==(const ProofSubject&) const = default;
};

struct Proof {
  std::string name;  // of the sandbox it was made for
  ProofSubject subject;
  bool held = false;                            // nothing got through
  std::vector<std::string> layers;              // "layer: detail", as `inspect` shows them
  std::vector<std::string> degraded;            // what was known not to be enforced
  std::map<std::string, std::string> verdicts;  // of every probe, by its id
  std::vector<ProbeResult> failed;              // those that got through
};

// As the ledger has it.
struct ProofInfo {
  uint64_t index = 0;
  base::WallTime time{};
  std::string sandbox;  // its id; of a twin when it was made before the sandbox
  Durability durability = Durability::recorded;
  std::string stale;  // why a start would not go by it today; empty: it counts
  Proof proof;
};

}  // namespace hv::core
