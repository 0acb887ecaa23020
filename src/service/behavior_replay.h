// What a policy's rules of behavior would have found in the records of sandboxes that ran under another one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "behavior/engine.h"
#include "core/audit_query.h"
#include "core/policy_info.h"

namespace hv::service {

class BehaviorReplay {
 public:
  // Where rules ask for the history of an agent, all that is replayed is taken for one agent's.
  explicit BehaviorReplay(std::vector<core::BehaviorRule> rules) : rules_(std::move(rules)) {}

  // In the ledger's order.
  std::vector<core::PolicyFiring> take(const core::AuditRecord& record);

 private:
  std::vector<core::BehaviorRule> rules_;
  std::shared_ptr<behavior::History> agent_ = std::make_shared<behavior::History>();
  std::map<std::string, behavior::Engine> engines_;  // by sandbox
};

}  // namespace hv::service
