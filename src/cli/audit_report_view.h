// A sandbox's report on one page: for a terminal, as Markdown, as JSON. Pure functions; everything that an agent could
// have chosen is made printable, and in Markdown it can neither break out of its place nor become a link.
#pragma once

#include <cstddef>
#include <string>

#include "base/json.h"
#include "cli/audit_report.h"

namespace hv::cli {

std::string report_text(const AuditReport& report, size_t width);
std::string report_markdown(const AuditReport& report);
base::json::Value report_json(const AuditReport& report);

}  // namespace hv::cli
