// Records as syslog messages (RFC 5424), facility "log audit".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/audit_query.h"

namespace hv::formats {

// One message without framing, of printable UTF-8 in one line: the kind as its MSGID, envelope and leaf hash as
// structured data, the payload as JSON. Longer than `limit`, the payload is left out and said to be.
std::string to_syslog(const core::AuditRecord& record, const std::string& host, size_t limit);
// 3 (error) for a high risk to 6 (informational).
int severity_of(core::Risk risk);

}  // namespace hv::formats
