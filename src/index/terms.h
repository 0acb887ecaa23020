// What an entry is found by, as words of one full-text index, and a question as the expression that finds it. Besides
// the words of its payload an entry has marks: its kind and the kind's families, sandbox, principal, verdict, risk, and
// every host and path with what they lie in. All conditions together are then one intersection of lists.
#pragma once

#include <string>

#include "audit/reader.h"
#include "core/audit_query.h"

namespace hv::index {

// The words, separated by spaces. `with_payload`: false for a payload that is to be forgotten.
std::string terms_of(const audit::Entry& entry, bool with_payload);

// In FTS5's language; empty when nothing in the query is a matter of words. `query.sandbox` is an id. Finds everything
// that the query means, and by a chance of hashes more: the caller holds each entry against the query itself.
std::string expression_of(const core::AuditQuery& query);

// Something in it is a matter of words.
inline bool is_selective(const core::AuditQuery& query) {
  return !expression_of(query).empty();
}

// The conditions on the envelope, as the journal's reader takes them.
audit::Query envelope_query(const core::AuditQuery& query);
// Everything that the query asks, payload included.
bool matches(const core::AuditQuery& query, const audit::Query& envelope, const audit::Entry& entry);

}  // namespace hv::index
