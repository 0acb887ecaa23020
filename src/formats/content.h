// What a record says besides its envelope's fields.
#pragma once

#include <string>

#include "base/json.h"
#include "core/audit_query.h"

namespace hv::formats {

// The payload; of a record whose version is not known here, `version`, `envelope` as it stands in the ledger, and
// `payload`.
base::json::Object content_of(const core::AuditRecord& record);
// The same as text; empty when there is none any more.
std::string content_text(const core::AuditRecord& record);

}  // namespace hv::formats
