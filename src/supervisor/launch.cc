#include "supervisor/launch.h"

#include <cerrno>

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unix_socket.h"
#include "isolation/cgroup.h"
#include "isolation/namespaces.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"
#include "supervisor/child.h"
#include "supervisor/programs.h"

namespace hv::supervisor {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;
using isolation::OpenedMount;
using shimwire::ToInit;

// A rootless supervisor lives in a user namespace of its own, the parent of the sandbox's: it can then have an empty
// root, and as the owner of the sandbox's namespace it may read the agent without any capability.
Status enter_user_namespace(const core::Groundwork& ground, const Fd& prepared) {
  if (ground.host_root) return {};
  if (!prepared) return isolation::enter_own_user_namespace(::getuid(), ::getgid());
  if (::setns(prepared.get(), CLONE_NEWUSER) != 0) return Failure(Error::from_errno(errno, "enter the user namespace"));
  return {};
}

std::vector<core::IdRange> own_id(uint32_t id) {
  return {{id, id, 1}};
}

Status map_ids(const core::Groundwork& ground, pid_t child) {
  bool range = !ground.uid_map.empty();
  const auto uids = range ? ground.uid_map : own_id(::getuid());
  const auto gids = range ? ground.gid_map : own_id(::getgid());
  HV_TRY_CONTEXT(isolation::write_id_maps(child, uids, gids, false), "map the sandbox's ids");
  return {};
}

Error last_words(const Fd& control, const Error& otherwise) {
  for (;;) {
    Result<shimwire::Packet> packet = shimwire::receive_packet(control.get());
    if (!packet) return otherwise;
    if (packet->type != static_cast<uint8_t>(shimwire::FromInit::failed)) continue;
    auto problem = shimwire::decode<shimwire::Problem>(packet->body);
    return problem ? shimwire::to_error(*problem) : otherwise;
  }
}

template <typename Message>
Status tell_init(const Fd& control, ToInit type, const Message& message, const std::vector<int>& fds) {
  Status told = shimwire::send_packet(control.get(), static_cast<uint8_t>(type), shimwire::encode(message), fds);
  // One that has ended meanwhile has said why, and that is the reason.
  if (!told && told.error().os_error() == EPIPE) return Failure(last_words(control, told.error()));
  return told;
}

}  // namespace

// Only real root may map the owners of host files, so it opens them itself; rootless, init opens them in its own mount
// namespace.
Result<std::vector<OpenedMount>> Launch::open_sources(const std::vector<core::Mount>& mounts,
                                                      const core::Groundwork& ground) {
  if (!ground.host_root) return std::vector<OpenedMount>();
  return isolation::open_sources(mounts, [&](uint32_t owner) -> Result<int> {
    if (!owners_.contains(owner)) {
      auto map = isolation::owner_map(ground.uid_map.at(0).outside, owner, ground.uid);
      owners_[owner] = HV_TRY(isolation::make_user_namespace(map, map));
    }
    return owners_[owner].get();
  });
}

Result<Launch> Launch::prepare(const core::Groundwork& ground, Fd user_namespace) {
  std::string directory = HV_TRY(own_directory());
  Fd program = HV_TRY(base::open_file(directory + "/hydravisor-init", O_PATH));
  HV_TRY(enter_user_namespace(ground, user_namespace));
  user_namespace.close();

  base::SocketPair control = HV_TRY(base::make_socket_pair(SOCK_SEQPACKET));
  base::Pipe go = HV_TRY(base::make_pipe());
  isolation::ClonedChild child = HV_TRY(isolation::clone_into_namespaces(ground.skipped_layers));
  if (child.pid == 0) {
    go.write_end.close();
    become_init({&ground, control.second.get(), go.read_end.get(), program.get()});
  }
  HV_TRY(map_ids(ground, child.pid));
  HV_TRY(base::write_all(go.write_end.get(), "g"));

  Launch launch;
  launch.init_ = {child.pid, std::move(child.pidfd), std::move(control.first)};
  auto sources = HV_TRY(launch.open_sources(ground.mounts, ground));
  isolation::SourceParcel parcel = isolation::pack(sources);
  HV_TRY(tell_init(launch.init_.control, ToInit::ground, shimwire::InitGround{ground, parcel.shape}, parcel.fds));
  return launch;
}

Result<LaunchedInit> Launch::finish(const core::LaunchSpec& spec) && {
  isolation::CgroupEntry cgroup;
  if (!skips(spec.ground, core::Layer::cgroup)) cgroup = HV_TRY(isolation::Cgroup(spec.cgroups).entry());
  auto sources = HV_TRY(open_sources(spec.mounts, spec.ground));
  isolation::SourceParcel parcel = isolation::pack(sources);
  shimwire::InitSetup setup;
  setup.hostname = spec.hostname;
  setup.cgroup_files = static_cast<uint32_t>(cgroup.files.size());
  setup.host_ports = spec.host_ports;
  setup.mounts = spec.mounts;
  setup.sources = parcel.shape;
  setup.seccomp_program = spec.seccomp_program;
  setup.restrict_exec = spec.restrict_exec;
  setup.executable = spec.executable;
  std::vector<int> fds;
  for (const Fd& file : cgroup.files) fds.push_back(file.get());
  fds.insert(fds.end(), parcel.fds.begin(), parcel.fds.end());
  HV_TRY(tell_init(init_.control, ToInit::setup, setup, fds));
  return std::move(init_);
}

}  // namespace hv::supervisor
