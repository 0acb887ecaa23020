// What people ask of policies before they trust them: is it valid, what does it say and who keeps it, what would it
// have done, what is the least that this run needed.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/event.h"
#include "core/policy_info.h"
#include "policy/catalog.h"
#include "policy/enforcement.h"
#include "policy/evaluate.h"
#include "service/audit_cases.h"

namespace hv::service {

// Thread-safe.
class PolicyCases {
 public:
  using MachineOf = std::function<policy::Machine()>;
  // `directory` holds the user's policies. `principal` is whom new files are recorded as made by
  // where nobody else is named.
  PolicyCases(const std::string& directory, MachineOf machine, AuditCases& audit, core::Recorder& recorder,
              std::string principal)
      : policies_(directory),
        machine_(std::move(machine)),
        audit_(audit),
        recorder_(recorder),
        principal_(std::move(principal)) {}

  base::Result<core::PolicyInfo> effective(std::string_view name) const;
  // A faulty policy is an answer, not an error.
  base::Result<core::PolicyReport> validate(std::string_view name, const core::PolicyTextRequest& request) const;
  base::Result<core::PolicyExplanation> explain(std::string_view name) const;
  base::Result<core::PolicyAnswer> ask(std::string_view name, const core::PolicyQuestion& question) const;
  base::Result<core::PolicyDiff> diff(std::string_view name, const core::PolicyDiffRequest& request) const;
  base::Result<core::PolicySimulation> simulate(std::string_view name,
                                                const core::PolicySimulateRequest& request) const;
  // not_found for a sandbox without records.
  base::Result<core::PolicyLearned> learn(const std::string& id, std::string_view sandbox,
                                          const core::PolicyLearnRequest& request) const;
  base::Result<core::PolicyInfo> write(std::string_view name, const core::PolicyWriteRequest& request,
                                       const std::string& by = {}) const;

  // The judges of the programs themselves: the gateway's rules, the filter's table, the environment's names.
  static policy::Judges judges();

 private:
  base::Status for_each_record(const std::optional<std::string>& sandbox,
                               const std::function<void(const core::AuditRecord&)>& take) const;

  policy::Catalog policies_;
  MachineOf machine_;
  AuditCases& audit_;
  core::Recorder& recorder_;
  std::string principal_;
};

}  // namespace hv::service
