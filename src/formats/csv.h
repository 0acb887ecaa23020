// Records as CSV (RFC 4180), for spreadsheets: one line a record, the payload as JSON in the last column.
#pragma once

#include <string>

#include "core/audit_query.h"

namespace hv::formats {

std::string csv_header();
// No cell begins like a formula, whatever an agent put into it: such a one gets an apostrophe in front.
std::string csv_row(const core::AuditRecord& record);

}  // namespace hv::formats
