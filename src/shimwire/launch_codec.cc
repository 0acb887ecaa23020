#include "shimwire/launch_codec.h"

#include "shimwire/egress_codec.h"

namespace hv::shimwire {

static void visit(auto& v, auto& m, core::Limits*) {
  each(v, m.memory_bytes, m.pids, m.cpu_millis, m.io_bytes, m.open_files, m.disk_bytes, m.tmp_bytes, m.wall_millis);
  each(v, m.idle_millis);
}
static void visit(auto& v, auto& m, core::AuditRules*) {
  each(v, m.arguments, m.files, m.request_paths, m.redact_names, m.redact_patterns, m.keep_payloads_millis);
}
static void visit(auto& v, auto& m, core::LaunchSpec*) {
  each(v, m.id, m.name, m.hostname, m.state_directory, m.ground, m.mounts, m.cgroups, m.limits, m.seccomp_program);
  each(v, m.host_ports, m.egress, m.proxy_environment, m.workspace, m.watch_workspace, m.keep_preimages, m.command,
       m.keep_alive, m.log_path, m.counted, m.denied_calls, m.restrict_exec, m.executable, m.ends_in_millis,
       m.end_reason, m.audit);
}

std::string encode(const core::LaunchSpec& spec) {
  return encode_visited(spec);
}
base::Result<core::LaunchSpec> decode_launch_spec(std::string_view data) {
  return decode_visited<core::LaunchSpec>(data);
}

}  // namespace hv::shimwire
