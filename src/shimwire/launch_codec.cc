#include "shimwire/launch_codec.h"

namespace hv::shimwire {

namespace {

void write(Writer& writer, const core::Mount& mount) {
  writer.u8(static_cast<uint8_t>(mount.kind)).text(mount.source).text(mount.target);
  writer.boolean(mount.writable).boolean(mount.executable).boolean(mount.optional);
  writer.text(mount.content).text(mount.upper).u64(mount.size);
}

core::Mount read_mount(Reader& reader) {
  core::Mount mount;
  uint8_t kind = reader.u8();
  if (kind > static_cast<uint8_t>(core::Mount::Kind::directory)) reader.fail();
  mount.kind = static_cast<core::Mount::Kind>(kind);
  mount.source = reader.text();
  mount.target = reader.text();
  mount.writable = reader.boolean();
  mount.executable = reader.boolean();
  mount.optional = reader.boolean();
  mount.content = reader.text();
  mount.upper = reader.text();
  mount.size = reader.u64();
  return mount;
}

void write(Writer& writer, const core::IdRange& range) {
  writer.u32(range.inside).u32(range.outside).u32(range.count);
}

core::IdRange read_range(Reader& reader) {
  core::IdRange range;
  range.inside = reader.u32();
  range.outside = reader.u32();
  range.count = reader.u32();
  return range;
}

}  // namespace

void write(Writer& writer, const core::Command& command) {
  writer.texts(command.arguments).texts(command.environment).text(command.directory);
  writer.boolean(command.terminal).u16(command.rows).u16(command.columns).u32(command.umask);
  writer.list(command.limits,
              [](Writer& into, const core::Rlimit& item) { into.u32(item.resource).u64(item.soft).u64(item.hard); });
}

core::Command read_command(Reader& reader) {
  core::Command command;
  command.arguments = reader.texts();
  command.environment = reader.texts();
  command.directory = reader.text();
  command.terminal = reader.boolean();
  command.rows = reader.u16();
  command.columns = reader.u16();
  command.umask = reader.u32();
  command.limits = reader.list<core::Rlimit>([](Reader& from) {
    core::Rlimit limit;
    limit.resource = from.u32();
    limit.soft = from.u64();
    limit.hard = from.u64();
    return limit;
  });
  return command;
}

void write(Writer& writer, const std::vector<core::Mount>& mounts) {
  writer.list(mounts, [](Writer& into, const core::Mount& item) { write(into, item); });
}

std::vector<core::Mount> read_mounts(Reader& reader) {
  return reader.list<core::Mount>(read_mount);
}

void write(Writer& writer, const core::Groundwork& ground) {
  writer.u32(ground.uid).u32(ground.gid);
  auto range = [](Writer& into, const core::IdRange& item) { write(into, item); };
  writer.list(ground.uid_map, range).list(ground.gid_map, range).boolean(ground.host_root);
  writer.boolean(ground.allow_nested).u32(ground.skipped_layers);
  write(writer, ground.mounts);
}

core::Groundwork read_groundwork(Reader& reader) {
  core::Groundwork ground;
  ground.uid = reader.u32();
  ground.gid = reader.u32();
  ground.uid_map = reader.list<core::IdRange>(read_range);
  ground.gid_map = reader.list<core::IdRange>(read_range);
  ground.host_root = reader.boolean();
  ground.allow_nested = reader.boolean();
  ground.skipped_layers = reader.u32();
  ground.mounts = read_mounts(reader);
  return ground;
}

std::string encode(const core::LaunchSpec& spec) {
  Writer writer;
  writer.text(spec.id).text(spec.name).text(spec.hostname).text(spec.state_directory);
  write(writer, spec.ground);
  write(writer, spec.mounts);
  writer.texts(spec.cgroups).u64(spec.limits.memory_bytes).u64(spec.limits.pids).u32(spec.limits.cpu_millis);
  writer.text(spec.seccomp_program);
  writer.list(spec.host_ports, [](Writer& into, uint16_t port) { into.u16(port); });
  writer.text(spec.workspace).boolean(spec.watch_workspace).boolean(spec.keep_preimages);
  write(writer, spec.command);
  writer.boolean(spec.keep_alive).text(spec.log_path);
  return writer.take();
}

base::Result<core::LaunchSpec> decode_launch_spec(std::string_view data) {
  Reader reader(data);
  core::LaunchSpec spec;
  spec.id = reader.text();
  spec.name = reader.text();
  spec.hostname = reader.text();
  spec.state_directory = reader.text();
  spec.ground = read_groundwork(reader);
  spec.mounts = read_mounts(reader);
  spec.cgroups = reader.texts();
  spec.limits.memory_bytes = reader.u64();
  spec.limits.pids = reader.u64();
  spec.limits.cpu_millis = reader.u32();
  spec.seccomp_program = reader.text();
  spec.host_ports = reader.list<uint16_t>([](Reader& from) { return from.u16(); });
  spec.workspace = reader.text();
  spec.watch_workspace = reader.boolean();
  spec.keep_preimages = reader.boolean();
  spec.command = read_command(reader);
  spec.keep_alive = reader.boolean();
  spec.log_path = reader.text();
  HV_TRY(reader.finish());
  return spec;
}

}  // namespace hv::shimwire
