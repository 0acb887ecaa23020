// The members of the daemon and its machine; see describe.h.
#pragma once

#include "wire/describe.h"

namespace hv::wire {

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

}  // namespace hv::wire
