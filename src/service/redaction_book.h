// What the policies of sandboxes take for credentials, for whoever writes something down about one of them. Any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "core/audit_rules.h"
#include "core/redaction.h"

namespace hv::service {

class RedactionBook {
 public:
  // From here on; one that says nothing is forgotten.
  base::Status note(const std::string& sandbox, const core::AuditRules& rules) {
    auto redaction = std::make_shared<const core::Redaction>(HV_TRY(core::Redaction::of(rules)));
    std::lock_guard lock(mutex_);
    if (redaction->empty())
      entries_.erase(sandbox);
    else
      entries_.insert_or_assign(sandbox, std::move(redaction));
    return {};
  }
  void forget(const std::string& sandbox) {
    std::lock_guard lock(mutex_);
    entries_.erase(sandbox);
  }
  // Null: nothing beside what everybody's credentials are.
  std::shared_ptr<const core::Redaction> of(const std::string& sandbox) const {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(sandbox);
    return found == entries_.end() ? nullptr : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const core::Redaction>, std::less<>> entries_;
};

}  // namespace hv::service
