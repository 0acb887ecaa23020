// The members of what a sandbox is and uses; see describe.h.
#pragma once

#include "wire/describe.h"

namespace hv::wire {

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

}  // namespace hv::wire
