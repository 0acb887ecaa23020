// What a policy says about the record of a sandbox: which of it is optional and left out, what is a credential there
// beside what everybody's are, and for how long it is kept in full. Plain data; core/redaction.h finds the credentials.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hv::core {

struct AuditRules {
  bool arguments = true;                     // of programs; false: their number
  bool files = true;                         // what became of them, as claimed and as found
  bool request_paths = true;                 // of plain HTTP
  std::vector<std::string> redact_names;     // "ACME_*": whose values are credentials
  std::vector<std::string> redact_patterns;  // "acme-[0-9a-f]{32}": credentials
  uint64_t keep_payloads_millis = 0;         // 0: as long as the ledger does
  bool operator==(const AuditRules&) const = default;
};

}  // namespace hv::core
