// Ledger records as people read them. Pure functions; everything in a payload is made printable.
#pragma once

#include <cstddef>
#include <string>

#include "core/audit_query.h"

namespace hv::cli {

// "2026-11-23T18:14:07.123Z  SANDBOX  KIND  SUMMARY", cut to the width, with a newline.
std::string record_line(const core::AuditRecord& record, size_t width);
// Everything about one record.
std::string record_text(const core::AuditRecord& record, size_t width);
// Whether a ledger.payload_deleted is about the payload of `record`, and what it says of that.
bool names_payload_of(const core::AuditRecord& deletion, const core::AuditRecord& record);
std::string deletion_text(const core::AuditRecord& deletion);
std::string verify_text(const core::VerifyReport& report, size_t width);
// Of a bundle. `by_key`: the first key was given, not taken from the bundle.
std::string bundle_text(const core::VerifyReport& report, bool by_key, size_t width);

}  // namespace hv::cli
