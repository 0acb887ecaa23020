#include "supervisor/launch.h"

#include <cerrno>
#include <map>

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unix_socket.h"
#include "isolation/cgroup.h"
#include "isolation/mounts.h"
#include "isolation/namespaces.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"
#include "supervisor/child.h"

namespace hv::supervisor {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

// A rootless supervisor lives in a user namespace of its own, the parent of the sandbox's: it can then have an empty
// root, and as the owner of the sandbox's namespace it may read the agent without any capability.
Status enter_user_namespace(const core::LaunchSpec& spec, const Fd& prepared) {
  if (spec.host_root) return {};
  if (!prepared) return isolation::enter_own_user_namespace(::getuid(), ::getgid());
  if (::setns(prepared.get(), CLONE_NEWUSER) != 0) return Failure(Error::from_errno(errno, "enter the user namespace"));
  return {};
}

std::vector<core::IdRange> own_id(uint32_t id) {
  return {{id, id, 1}};
}

Status map_ids(const core::LaunchSpec& spec, pid_t child) {
  bool range = !spec.uid_map.empty();
  const auto uids = range ? spec.uid_map : own_id(::getuid());
  const auto gids = range ? spec.gid_map : own_id(::getgid());
  HV_TRY_CONTEXT(isolation::write_id_maps(child, uids, gids, false), "map the sandbox's ids");
  return {};
}

std::vector<std::string> writable_paths(const core::LaunchSpec& spec) {
  // Writing to one's own files in /proc (oom_score_adj, comm) and to devices is decided by the kernel's permissions
  // there.
  std::vector<std::string> paths{"/proc", "/dev"};
  for (const core::Mount& mount : spec.mounts)
    if (mount.writable) paths.push_back(mount.target);
  return paths;
}

}  // namespace

Result<LaunchedInit> launch(const core::LaunchSpec& spec, Fd user_namespace, const Fd& init_program) {
  HV_TRY(enter_user_namespace(spec, user_namespace));
  user_namespace.close();

  ChildPlan plan;
  plan.spec = &spec;
  isolation::CgroupEntry cgroup = HV_TRY(isolation::Cgroup(spec.cgroups).entry());
  plan.cgroup = &cgroup;

  // Only real root may map the owners of host files, so it opens them itself; a rootless child opens them in its own
  // mount namespace.
  std::map<uint32_t, Fd> owners;
  if (spec.host_root) {
    uint32_t first = spec.uid_map.at(0).outside;
    plan.sources = HV_TRY(isolation::open_sources(spec.mounts, [&](uint32_t owner) -> Result<int> {
      if (!owners.contains(owner)) {
        auto map = isolation::owner_map(first, owner, spec.uid);
        owners[owner] = HV_TRY(isolation::make_user_namespace(map, map));
      }
      return owners[owner].get();
    }));
  }

  base::SocketPair control = HV_TRY(base::make_socket_pair(SOCK_SEQPACKET));
  base::Pipe go = HV_TRY(base::make_pipe());
  plan.control = control.second.get();
  plan.go = go.read_end.get();
  plan.init_program = init_program.get();

  isolation::ClonedChild child = HV_TRY(isolation::clone_into_namespaces(spec.skipped_layers));
  if (child.pid == 0) {
    go.write_end.close();
    become_init(std::move(plan));
  }
  HV_TRY(map_ids(spec, child.pid));
  HV_TRY(base::write_all(go.write_end.get(), "g"));

  // It waits in the socket until init asks.
  shimwire::InitSetup setup;
  setup.skipped_layers = spec.skipped_layers;
  setup.allow_nested = spec.allow_nested;
  setup.seccomp_program = spec.seccomp_program;
  setup.writable = writable_paths(spec);
  HV_TRY(shimwire::send_packet(control.first.get(), static_cast<uint8_t>(shimwire::ToInit::setup),
                               shimwire::encode(setup)));
  return LaunchedInit{child.pid, std::move(child.pidfd), std::move(control.first)};
}

}  // namespace hv::supervisor
