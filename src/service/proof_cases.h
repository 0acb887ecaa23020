// Proofs of containment: into the ledger, found again for a start that its policy allows only with one, and shown.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/ledger.h"
#include "base/clock.h"
#include "base/reactor.h"
#include "core/proof.h"
#include "service/service.h"

namespace hv::service {

class ProofCases {
 public:
  struct Collaborators {
    base::Reactor& loop;
    audit::Ledger& ledger;
    const base::Clock& clock;
    // Where it is written down at which index the last proof of a kind stands: derived from the ledger and never
    // believed. What stands at that index is read and held against what is wanted.
    std::string directory;
    std::string principal;
    std::function<void(std::function<void()>)> later;  // runs a task that may block, off the loop
    // What a start with this policy would be about now, for list(): digest, machine, kernel, version.
    std::function<base::Result<core::ProofSubject>(const std::string& policy)> subject_now;
  };
  explicit ProofCases(Collaborators collaborators) : with_(std::move(collaborators)) {}

  // Records the proof as one about `sandbox` and seals the ledger over it. Replies with its index, on the loop.
  void sign(const std::string& sandbox, const core::Proof& proof, Reply<uint64_t> reply);

  // The index of a proof that a start like `wanted` can go by. denied says why there is none. Reads one record.
  base::Result<uint64_t> find(const core::ProofSubject& wanted, std::optional<std::chrono::milliseconds> oldest) const;
  // The proof at `index`, when it is one and nothing got through.
  base::Result<core::Proof> at(uint64_t index) const;

  // The newest first, of one sandbox (its name or id) or of all. Any thread.
  base::Result<std::vector<core::ProofInfo>> list(const std::string& sandbox, size_t limit) const;

 private:
  std::string place_of(const core::ProofSubject& subject) const;
  base::Result<core::ProofInfo> read(uint64_t index) const;

  Collaborators with_;
};

}  // namespace hv::service
