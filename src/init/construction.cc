#include "init/construction.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>

#include <linux/netlink.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolation/capabilities.h"
#include "isolation/cgroup.h"
#include "isolation/loopback.h"
#include "isolation/netlink.h"

namespace hv::init {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;
using core::Layer;
using isolation::OpenedMount;

// Opened already by real root, or here.
Result<std::vector<OpenedMount>> sources_of(const std::vector<core::Mount>& mounts, const std::string& shape,
                                            std::vector<Fd> descriptors) {
  if (shape.empty()) return isolation::open_sources(mounts, {});
  return isolation::unpack(mounts, shape, std::move(descriptors));
}

// The last descriptors of a message, from the `first` on.
std::vector<Fd> take_from(std::vector<Fd>& descriptors, size_t first) {
  std::vector<Fd> taken(std::make_move_iterator(descriptors.begin() + static_cast<ptrdiff_t>(first)),
                        std::make_move_iterator(descriptors.end()));
  descriptors.resize(first);
  return taken;
}

Status enter_cgroups(std::vector<Fd> files) {
  isolation::CgroupEntry entry{std::move(files)};
  HV_TRY(isolation::join_cgroups(entry));
  // After joining: the namespace's root is the cgroup of the process that makes it.
  if (::unshare(CLONE_NEWCGROUP) != 0) return Failure(Error::from_errno(errno, "make a cgroup namespace"));
  return {};
}

}  // namespace

Result<Construction> Construction::begin(shimwire::InitGround message, std::vector<Fd> sources) {
  core::Groundwork& ground = message.ground;
  // Directories made on the way to a mount point are for everybody inside to pass.
  ::umask(0);
  std::vector<isolation::OpenedSocket> sockets;
  if (!skips(ground, Layer::network_namespace)) {
    HV_TRY(isolation::bring_up_loopback());
    if (ground.egress) sockets = HV_TRY(isolation::set_up_egress_net()).sockets;
  }
  isolation::RootOptions options;
  options.mask_proc = !ground.allow_nested && !skips(ground, Layer::masked_proc);
  options.forbid_user_namespaces = !ground.allow_nested;
  options.fresh_proc = !skips(ground, Layer::pid_namespace);
  options.shared_memory = ground.shared_memory;
  isolation::RootTree tree = HV_TRY(isolation::RootTree::stage(options));
  auto opened = HV_TRY(sources_of(ground.mounts, message.sources, std::move(sources)));
  HV_TRY(tree.add(std::move(opened)));
  return Construction(std::move(ground), std::move(tree), std::move(sockets));
}

Status Construction::complete(const shimwire::InitSetup& setup, std::vector<Fd> descriptors,
                              const PassOut& pass_out) && {
  if (descriptors.size() < setup.cgroup_files)
    return Failure(base::invalid_argument("malformed message between Hydravisor's processes"));
  std::vector<Fd> sources = take_from(descriptors, setup.cgroup_files);
  HV_TRY(enter_cgroups(std::move(descriptors)));
  if (::sethostname(setup.hostname.data(), setup.hostname.size()) != 0)
    return Failure(Error::from_errno(errno, "set the host name"));
  // The ways out, as far as there are any: all of them are opened before anything of the agent exists.
  if (!skips(ground_, Layer::network_namespace))
    for (Fd& listener : HV_TRY(isolation::listen_on_loopback(setup.host_ports)))
      sockets_.push_back({isolation::GatewaySocket::host_port, std::move(listener)});
  // Without it, records do not name processes.
  if (!sockets_.empty())
    if (Result<Fd> asks = isolation::open_netlink(NETLINK_SOCK_DIAG))
      sockets_.push_back({isolation::GatewaySocket::sockets, *std::move(asks)});
  if (!sockets_.empty()) pass_out(sockets_);
  sockets_.clear();
  auto opened = HV_TRY(sources_of(setup.mounts, setup.sources, std::move(sources)));
  HV_TRY(tree_.add(std::move(opened)));
  HV_TRY(std::move(tree_).enter(!skips(ground_, Layer::read_only_root)));

  bool has_range = !ground_.uid_map.empty();
  if (has_range) HV_TRY(isolation::take_ids(ground_.uid, ground_.gid, !ground_.host_root));
  // Set again: a change of ids clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!skips(ground_, Layer::no_new_privs)) HV_TRY(isolation::set_no_new_privs());
  if (skips(ground_, Layer::capabilities)) return isolation::keep_capabilities_across_exec();
  return isolation::drop_all_capabilities();
}

}  // namespace hv::init
