// What the policy wants left out of a sandbox's record, left out before anything is written: the spool never has it.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "core/audit_rules.h"
#include "core/egress.h"
#include "core/redaction.h"
#include "monitor/record.h"

namespace hv::supervisor {

class Discretion {
 public:
  Discretion() = default;
  static base::Result<Discretion> of(const core::AuditRules& rules);

  // False for what is not to be recorded at all.
  bool apply(monitor::Record& record) const;
  void apply(core::NetworkEvent& event) const;
  void apply(std::string& text) const;
  // The same of every text in it, as JSON.
  std::string written(const base::json::Object& object) const;

 private:
  core::AuditRules rules_;
  core::Redaction own_;
};

}  // namespace hv::supervisor
