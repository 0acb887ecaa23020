#include "shimwire/launch_codec.h"

#include "shimwire/egress_codec.h"

namespace hv::shimwire {

static void visit(auto& v, auto& m, core::Limits*) {
  each(v, m.memory_bytes, m.pids, m.cpu_millis);
}
static void visit(auto& v, auto& m, core::LaunchSpec*) {
  each(v, m.id, m.name, m.hostname, m.state_directory, m.ground, m.mounts, m.cgroups, m.limits, m.seccomp_program);
  each(v, m.host_ports, m.egress, m.proxy_environment, m.workspace, m.watch_workspace, m.keep_preimages, m.command,
       m.keep_alive, m.log_path);
}

std::string encode(const core::LaunchSpec& spec) {
  return encode_visited(spec);
}
base::Result<core::LaunchSpec> decode_launch_spec(std::string_view data) {
  return decode_visited<core::LaunchSpec>(data);
}

}  // namespace hv::shimwire
