// Records in the Open Cybersecurity Schema Framework, version 1.4.0. The class of each kind is in core/event_kinds.cc;
// what has no place in the framework stands under `unmapped`.
#pragma once

#include <string>

#include "base/json.h"
#include "core/audit_query.h"

namespace hv::formats {

// `host` is the machine's name. A kind that this version does not know becomes a base event.
base::json::Object to_ocsf(const core::AuditRecord& record, const std::string& host);

}  // namespace hv::formats
