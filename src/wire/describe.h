// The members of every type of the API, described once for both directions. A name here is a promise:
// docs/api/openapi.json has the same.
#pragma once

#include <concepts>
#include <type_traits>

#include "wire/codec.h"
#include "wire/types.h"

namespace hv::wire {

// Const when it is written, not when it is read.
template <typename T, typename Type>
concept Same = std::same_as<std::remove_const_t<T>, Type>;

template <typename V, Same<core::Variable> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required_bytes("value", x.value);
}

template <typename V, Same<core::WindowSize> T>
void describe(V& v, T& x) {
  v.required("rows", x.rows);
  v.required("columns", x.columns);
}

template <typename V, Same<core::ResourceLimit> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.optional("soft", x.soft);
  v.optional("hard", x.hard);
}

template <typename V, Same<core::Caller> T>
void describe(V& v, T& x) {
  v.required("environment", x.environment);
  v.required_bytes("directory", x.directory);
  v.bytes("home", x.home);
  v.required("uid", x.uid);
  v.required("gid", x.gid);
  v.optional("umask", x.umask);
  v.optional("limits", x.limits);
  v.optional("principal", x.principal);
}

template <typename V, Same<core::WorkspaceRequest> T>
void describe(V& v, T& x) {
  v.bytes("path", x.path);
  v.optional("mode", x.mode);
}

template <typename V, Same<core::LimitsRequest> T>
void describe(V& v, T& x) {
  v.optional("memory_bytes", x.memory_bytes);
  v.optional("pids", x.pids);
  v.optional("cpu_millis", x.cpu_millis);
  v.optional("io_bytes", x.io_bytes);
  v.optional("open_files", x.open_files);
  v.optional("disk_bytes", x.disk_bytes);
  v.optional("wall_millis", x.wall_millis);
  v.optional("idle_millis", x.idle_millis);
  v.optional("accept_unenforced", x.accept_unenforced);
}

template <typename V, Same<core::RunRequest> T>
void describe(V& v, T& x) {
  v.bytes("command", x.command);
  v.optional("name", x.name);
  v.optional("policy", x.policy);
  v.optional("agent", x.agent);
  v.optional("tier", x.tier);
  v.bytes("rootfs", x.rootfs);
  v.required("workspace", x.workspace);
  v.bytes("directory", x.directory);
  v.optional("environment", x.environment);
  v.required("caller", x.caller);
  v.optional("host_ports", x.host_ports);
  v.bytes("read", x.read);
  v.bytes("write", x.write);
  v.optional("network", x.network);
  v.optional("allow", x.allow);
  v.optional("allow_private", x.allow_private);
  v.optional("allow_nested", x.allow_nested);
  v.optional("keep", x.keep);
  v.optional("fresh_home", x.fresh_home);
  v.optional("labels", x.labels);
  v.optional("terminal", x.terminal);
  v.optional("limits", x.limits);
  v.optional("skipped_layers", x.skipped_layers);
  v.optional("prove", x.prove);
  v.optional("allow_degraded", x.allow_degraded);
  v.optional("ceiling", x.ceiling);
  v.optional("copy_only", x.copy_only);
}

template <typename V, Same<core::ExecRequest> T>
void describe(V& v, T& x) {
  v.required_bytes("command", x.command);
  v.bytes("directory", x.directory);
  v.optional("environment", x.environment);
  v.required("caller", x.caller);
  v.optional("terminal", x.terminal);
}

template <typename V, Same<core::AttachRequest> T>
void describe(V& v, T& x) {
  v.optional("terminal", x.terminal);
}

template <typename V, Same<core::StopRequest> T>
void describe(V& v, T& x) {
  v.optional("grace_ms", x.grace_ms);
}

template <typename V, Same<core::KillRequest> T>
void describe(V& v, T& x) {
  v.optional("signal", x.signal);
}

template <typename V, Same<core::ExtendRequest> T>
void describe(V& v, T& x) {
  v.required("millis", x.millis);
}

template <typename V, Same<core::RenameRequest> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
}

template <typename V, Same<core::NetworkRequest> T>
void describe(V& v, T& x) {
  v.optional("allow", x.allow);
  v.optional("allow_private", x.allow_private);
  v.required("caller", x.caller);
}

template <typename V, Same<core::NetworkRuleInfo> T>
void describe(V& v, T& x) {
  v.required("verdict", x.verdict);
  v.required("rule", x.rule);
  v.required("origin", x.origin);
}

template <typename V, Same<core::NetworkInfo> T>
void describe(V& v, T& x) {
  v.required("open", x.open);
  v.required("fallback", x.fallback);
  v.required("rules", x.rules);
}

template <typename V, Same<core::WorkspaceInfo> T>
void describe(V& v, T& x) {
  v.required_bytes("path", x.path);
  v.required("mode", x.mode);
  v.optional("changes", x.changes);
}

template <typename V, Same<core::Limits> T>
void describe(V& v, T& x) {
  v.required("memory_bytes", x.memory_bytes);
  v.required("pids", x.pids);
  v.required("cpu_millis", x.cpu_millis);
  // A sandbox that an earlier version made does not have these.
  v.optional("io_bytes", x.io_bytes);
  v.optional("open_files", x.open_files);
  v.optional("disk_bytes", x.disk_bytes);
  v.optional("tmp_bytes", x.tmp_bytes);
  v.optional("wall_millis", x.wall_millis);
  v.optional("idle_millis", x.idle_millis);
}

template <typename V, Same<core::LimitsInfo> T>
void describe(V& v, T& x) {
  v.required("asked", x.asked);
  v.required("enforced", x.enforced);
  v.required("how", x.how);
  v.optional("extended_millis", x.extended_millis);
}

template <typename V, Same<core::LayerInfo> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("status", x.status);
  v.required("detail", x.detail);
}

template <typename V, Same<core::IsolationInfo> T>
void describe(V& v, T& x) {
  v.required("layers", x.layers);
  v.required("degraded", x.degraded);
  v.optional("nested", x.nested);
}

template <typename V, Same<core::Outcome> T>
void describe(V& v, T& x) {
  v.required("kind", x.kind);
  v.required("code", x.code);
  v.required("detail", x.detail);
}

template <typename V, Same<core::BehaviorRuleInfo> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("watches", x.watches);
  v.required("response", x.response);
  v.required("cool_down_millis", x.cool_down_millis);
  v.required("dry_run", x.dry_run);
  v.required("origin", x.origin);
  v.optional("status", x.status);
  v.optional("fired", x.fired);
  v.optional("last_fired", x.last_fired);
}

template <typename V, Same<core::ThrottleInfo> T>
void describe(V& v, T& x) {
  v.required("response", x.response);
  v.required("rule", x.rule);
  v.optional("cpu_millis", x.cpu_millis);
  v.optional("bytes_per_second", x.bytes_per_second);
  v.required("until", x.until);
}

template <typename V, Same<core::SandboxInfo> T>
void describe(V& v, T& x) {
  v.required("id", x.id);
  v.required("name", x.name);
  v.required("state", x.state);
  v.required("tier", x.tier);
  v.optional("pid", x.pid);
  v.optional("supervisor_pid", x.supervisor_pid);
  v.required("created", x.created);
  v.optional("started", x.started);
  v.optional("stopped", x.stopped);
  v.required("policy", x.policy);
  v.optional("agent", x.agent);
  v.required("workspace", x.workspace);
  v.required_bytes("command", x.command);
  v.required("labels", x.labels);
  v.required("limits", x.limits);
  v.required("isolation", x.isolation);
  v.optional("frozen", x.frozen);
  v.optional("outcome", x.outcome);
  v.optional("home", x.home);
  v.required("host_ports", x.host_ports);
  v.optional("network", x.network);
  v.required_bytes("cgroups", x.cgroups);
  v.required_bytes("rootfs", x.rootfs);
  v.optional("made_by", x.made_by);
  v.optional("behavior", x.behavior);
  v.optional("throttled", x.throttled);
}

template <typename V, Same<core::SandboxStats> T>
void describe(V& v, T& x) {
  v.required("state", x.state);
  v.optional("memory_bytes", x.memory_bytes);
  v.optional("memory_peak_bytes", x.memory_peak_bytes);
  v.optional("processes", x.processes);
  v.optional("cpu_nanoseconds", x.cpu_nanoseconds);
  v.optional("workspace_bytes", x.workspace_bytes);
  v.optional("io_read_bytes", x.io_read_bytes);
  v.optional("io_written_bytes", x.io_written_bytes);
  v.optional("connections", x.connections);
  v.optional("connections_denied", x.connections_denied);
  v.optional("network_bytes_in", x.network_bytes_in);
  v.optional("network_bytes_out", x.network_bytes_out);
}

template <typename V, Same<core::SandboxUsage> T>
void describe(V& v, T& x) {
  v.required("id", x.id);
  v.required("name", x.name);
  v.required("stats", x.stats);
}

template <typename V, Same<core::Usage> T>
void describe(V& v, T& x) {
  v.required("time", x.time);
  v.required("sandboxes", x.sandboxes);
}

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

template <typename V, Same<core::DaemonInfo> T>
void describe(V& v, T& x) {
  v.required("version", x.version);
  v.required("pid", x.pid);
  v.required("api", x.api);
  v.required("protocol", x.protocol);
}

template <typename V, Same<core::ReexecRequest> T>
void describe(V& v, T& x) {
  v.required("program", x.program);
}

template <typename V, Same<core::PolicyInfo> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("description", x.description);
  v.required("provenance", x.provenance);
  v.required_bytes("path", x.path);
  v.optional("text", x.text);
  v.optional("behavior", x.behavior);
}

template <typename V, Same<core::AgentInfo> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("description", x.description);
  v.required("provenance", x.provenance);
  v.required_bytes("path", x.path);
  v.required("commands", x.commands);
  v.required("nested", x.nested);
  v.optional("text", x.text);
}

template <typename V, Same<core::HomeInfo> T>
void describe(V& v, T& x) {
  v.required("key", x.key);
  v.required("agent", x.agent);
  v.required_bytes("project", x.project);
  v.required_bytes("path", x.path);
  v.required("bytes", x.bytes);
  v.optional("last_used", x.last_used);
  v.required("sandboxes", x.sandboxes);
}

template <typename V, Same<core::DoctorCheck> T>
void describe(V& v, T& x) {
  v.required("id", x.id);
  v.required("status", x.status);
  v.required("detail", x.detail);
  v.required("fix", x.fix);
}

template <typename V, Same<core::DoctorReport> T>
void describe(V& v, T& x) {
  v.required("usable", x.usable);
  v.required("checks", x.checks);
}

template <typename V, Same<core::Leftover> T>
void describe(V& v, T& x) {
  v.required("kind", x.kind);
  v.required("path", x.path);
  v.required("reason", x.reason);
  v.required("problem", x.problem);
}

template <typename V, Same<core::ProbeRequest> T>
void describe(V& v, T& x) {
  v.optional("control", x.control);
  v.optional("ids", x.ids);
  v.optional("sign", x.sign);
}

template <typename V, Same<core::ProbeResult> T>
void describe(V& v, T& x) {
  v.required("id", x.id);
  v.required("category", x.category);
  v.required("status", x.status);
  v.required("detail", x.detail);
  v.optional("layers", x.layers);
}

template <typename V, Same<core::ProbeReport> T>
void describe(V& v, T& x) {
  v.required("sandbox", x.sandbox);
  v.required("results", x.results);
  v.optional("proof", x.proof);
}

template <typename V, Same<core::ProofSubject> T>
void describe(V& v, T& x) {
  v.required("policy", x.policy);
  v.required("policy_digest", x.policy_digest);
  v.required("plan_digest", x.plan_digest);
  v.required("variant", x.variant);
  v.required("kernel", x.kernel);
  v.required("machine", x.machine);
  v.required("version", x.version);
}

template <typename V, Same<core::Proof> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("subject", x.subject);
  v.required("held", x.held);
  v.required("layers", x.layers);
  v.required("degraded", x.degraded);
  v.required("verdicts", x.verdicts);
  v.required("failed", x.failed);
}

template <typename V, Same<core::ProofInfo> T>
void describe(V& v, T& x) {
  v.required("index", x.index);
  v.required("time", x.time);
  v.required("sandbox", x.sandbox);
  v.required("durability", x.durability);
  v.required("stale", x.stale);
  v.required("proof", x.proof);
}

template <typename V, typename T>
  requires requires(T& x) { x.items; } && (!requires(T& x) { x.before; })
void describe(V& v, T& x) {
  v.required("items", x.items);
}

}  // namespace hv::wire
