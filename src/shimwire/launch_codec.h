// core::LaunchSpec and what it is made of, as bytes.
#pragma once

#include "core/launch.h"
#include "shimwire/visit.h"

namespace hv::shimwire {

template <>
struct Last<core::Mount::Kind> {
  static constexpr auto value = core::Mount::Kind::cover;
};

void visit(auto& v, auto& m, core::Rlimit*) {
  each(v, m.resource, m.soft, m.hard);
}
void visit(auto& v, auto& m, core::Command*) {
  each(v, m.arguments, m.environment, m.directory, m.terminal, m.rows, m.columns, m.umask, m.limits);
}
void visit(auto& v, auto& m, core::Mount*) {
  each(v, m.kind, m.source, m.target, m.writable, m.executable, m.optional, m.content, m.upper, m.size);
}
void visit(auto& v, auto& m, core::IdRange*) {
  each(v, m.inside, m.outside, m.count);
}
void visit(auto& v, auto& m, core::Groundwork*) {
  each(v, m.uid, m.gid, m.uid_map, m.gid_map, m.host_root, m.allow_nested, m.skipped_layers, m.egress, m.mounts);
  each(v, m.shared_memory);
}

std::string encode(const core::LaunchSpec& spec);
base::Result<core::LaunchSpec> decode_launch_spec(std::string_view data);

}  // namespace hv::shimwire
