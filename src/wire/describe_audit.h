// The members of the ledger; see describe.h.
#pragma once

#include "wire/describe.h"

namespace hv::wire {

template <typename V, Same<core::Origin> T>
void describe(V& v, T& x) {
  v.required("spool", x.spool);
  v.required("sequence", x.sequence);
}

template <typename V, Same<core::AuditRecord> T>
void describe(V& v, T& x) {
  v.required("index", x.index);
  v.required("time", x.event.wall);
  v.required("monotonic_ns", x.event.monotonic);
  v.required("kind", x.event.kind);
  v.required("sandbox", x.event.sandbox);
  v.required("principal", x.event.principal);
  v.required("trust", x.event.trust);
  v.required("risk", x.event.risk);
  v.required("payload", x.event.payload);
  v.optional("origin", x.event.origin);
  v.required("durability", x.durability);
  v.required("leaf_hash", x.leaf_hash);
  v.required("redacted", x.redacted);
  v.optional("version", x.version);
  v.optional("envelope", x.envelope);
}

template <typename V, Same<core::AuditPage> T>
void describe(V& v, T& x) {
  v.required("records", x.records);
  v.optional("seen", x.seen);
  v.required("complete", x.complete);
  v.optional("note", x.note);
}

template <typename V, Same<core::PruneRequest> T>
void describe(V& v, T& x) {
  v.optional("payloads_before", x.payloads_before);
  v.optional("before", x.before);
  v.optional("max_bytes", x.max_bytes);
  v.required("reason", x.reason);
}

template <typename V, Same<core::PruneReport> T>
void describe(V& v, T& x) {
  v.optional("payloads_first", x.payloads_first);
  v.optional("payloads_last", x.payloads_last);
  v.optional("first", x.first);
  v.optional("last", x.last);
  v.required("journal_bytes", x.journal_bytes);
}

template <typename V, Same<core::LedgerFault> T>
void describe(V& v, T& x) {
  v.optional("index", x.index);
  v.required("what", x.what);
}

template <typename V, Same<core::VerifyReport> T>
void describe(V& v, T& x) {
  v.required("intact", x.intact);
  v.required("origin", x.origin);
  v.required("entries", x.entries);
  v.required("sealed", x.sealed);
  v.required("from", x.from);
  v.required("keys", x.keys);
  v.required("first_key", x.first_key);
  v.required("root_hash", x.root_hash);
  v.required("faults", x.faults);
  v.optional("notes", x.notes);
}

}  // namespace hv::wire
