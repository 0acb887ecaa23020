// The members of what a sandbox changed, and what becomes of it; see describe.h.
#pragma once

#include "wire/describe.h"

namespace hv::wire {

template <typename V, Same<core::DiffLine> T>
void describe(V& v, T& x) {
  v.required("kind", x.kind);
  v.required_bytes("text", x.text);
  v.optional("no_newline", x.no_newline);
}

template <typename V, Same<core::Hunk> T>
void describe(V& v, T& x) {
  v.required("old_start", x.old_start);
  v.required("old_lines", x.old_lines);
  v.required("new_start", x.new_start);
  v.required("new_lines", x.new_lines);
  v.required("lines", x.lines);
}

template <typename V, Same<core::FileChange> T>
void describe(V& v, T& x) {
  v.required_bytes("path", x.path);
  v.bytes("old_path", x.old_path);
  v.required("kind", x.kind);
  v.required("type", x.type);
  v.optional("old_type", x.old_type);
  v.optional("mode", x.mode);
  v.optional("old_mode", x.old_mode);
  v.optional("size", x.size);
  v.optional("old_size", x.old_size);
  v.bytes("target", x.target);
  v.bytes("old_target", x.old_target);
  v.required("binary", x.binary);
  v.required("added_lines", x.added_lines);
  v.required("removed_lines", x.removed_lines);
  v.required("hazard", x.hazard);
  v.required("hazard_reason", x.hazard_reason);
  v.required("conflict", x.conflict);
  v.required("hunks", x.hunks);
  v.required("truncated", x.truncated);
}

template <typename V, Same<core::RefChange> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("old_id", x.old_id);
  v.required("new_id", x.new_id);
  v.required("commits", x.commits);
}

template <typename V, Same<core::ChangeReport> T>
void describe(V& v, T& x) {
  v.required("sandbox", x.sandbox);
  v.required_bytes("workspace", x.workspace);
  v.required("mode", x.mode);
  v.required("added_lines", x.added_lines);
  v.required("removed_lines", x.removed_lines);
  v.required("files", x.files);
  v.required("refs", x.refs);
  v.optional("digest", x.digest);
}

template <typename V, Same<core::DiffRequest> T>
void describe(V& v, T& x) {
  v.bytes("paths", x.paths);
  v.optional("statistics_only", x.statistics_only);
}

template <typename V, Same<core::HunkChoice> T>
void describe(V& v, T& x) {
  v.required_bytes("path", x.path);
  v.required("hunks", x.hunks);
}

template <typename V, Same<core::ApplyRequest> T>
void describe(V& v, T& x) {
  v.bytes("paths", x.paths);
  v.bytes("accept", x.accept);
  v.optional("hunks", x.hunks);
  v.optional("dry_run", x.dry_run);
  v.optional("force", x.force);
  v.optional("digest", x.digest);
  v.bytes("reviewed", x.reviewed);
}

template <typename V, Same<core::Refusal> T>
void describe(V& v, T& x) {
  v.required_bytes("path", x.path);
  v.required("reason", x.reason);
}

template <typename V, Same<core::ApplyReport> T>
void describe(V& v, T& x) {
  v.required_bytes("applied", x.applied);
  v.required("held", x.held);
  v.required("conflicts", x.conflicts);
  v.required("refs", x.refs);
  v.required("dry_run", x.dry_run);
  v.optional("running", x.running);
}

template <typename V, Same<core::DiscardRequest> T>
void describe(V& v, T& x) {
  v.bytes("paths", x.paths);
}

template <typename V, Same<core::PathsReport> T>
void describe(V& v, T& x) {
  v.required_bytes("paths", x.paths);
  v.required("conflicts", x.conflicts);
}

}  // namespace hv::wire
