// The members of what sandboxes are asked to do; see describe.h.
#pragma once

#include "wire/describe.h"

namespace hv::wire {

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

}  // namespace hv::wire
