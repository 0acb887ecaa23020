#include "supervisor/child.h"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolation/capabilities.h"
#include "isolation/loopback.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"
#include "supervisor/launch.h"

namespace hv::supervisor {

namespace {

using base::Error;
using base::Failure;
using base::Status;
using core::Layer;
using core::skips;

Failure fail(std::string_view operation) {
  return Failure(Error::from_errno(errno, operation));
}

// The negative control of the capability layer: everything held in the sandbox's own user namespace stays, across exec
// too.
Status keep_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return fail("read capabilities");
  for (auto& set : sets) set.effective = set.inheritable = set.permitted;
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return fail("keep capabilities");
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  return {};
}

// The ids the agent runs with. Capabilities survive the change here and are dropped right after, all at once.
Status take_ids(uid_t uid, gid_t gid, bool own_groups) {
  if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0)
    return fail("keep capabilities across the change of ids");
  if (own_groups && ::setgroups(0, nullptr) != 0) return fail("drop supplementary groups");
  if (::setresgid(gid, gid, gid) != 0) return fail("change group id");
  if (::setresuid(uid, uid, uid) != 0) return fail("change user id");
  return {};
}

Status prepare(ChildPlan& plan) {
  const core::LaunchSpec& spec = *plan.spec;
  char byte = 0;
  if (::read(plan.go, &byte, 1) != 1) return fail("wait for the id maps");
  bool mapped_range = spec.host_root || !spec.uid_map.empty();
  // As real root the child still has an id that is not mapped here; files it makes would have no owner.
  if (spec.host_root) HV_TRY(take_ids(0, 0, true));
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Directories made on the way to a mount point are for everybody inside to pass.
  ::umask(0);
  if (!skips(spec, Layer::cgroup)) HV_TRY(isolation::join_cgroups(*plan.cgroup));
  // After joining: the namespace's root is the cgroup of the process that makes it.
  if (::unshare(CLONE_NEWCGROUP) != 0) return fail("make a cgroup namespace");
  if (::sethostname(spec.hostname.data(), spec.hostname.size()) != 0) return fail("set the host name");

  std::vector<base::Fd> listeners;
  if (!skips(spec, Layer::network_namespace)) {
    HV_TRY(isolation::bring_up_loopback());
    listeners = HV_TRY(isolation::listen_on_loopback(spec.host_ports));
  }
  std::vector<int> fds;
  for (const base::Fd& listener : listeners) fds.push_back(listener.get());
  if (!fds.empty()) HV_TRY(shimwire::send_packet(plan.control, kListeners, {}, fds));
  listeners.clear();

  if (!spec.host_root) plan.sources = HV_TRY(isolation::open_sources(spec.mounts, {}));
  isolation::RootOptions options;
  options.mask_proc = !spec.allow_nested && !skips(spec, Layer::masked_proc);
  options.read_only_root = !skips(spec, Layer::read_only_root);
  options.forbid_user_namespaces = !spec.allow_nested;
  options.fresh_proc = !skips(spec, Layer::pid_namespace);
  HV_TRY(isolation::build_root(std::move(plan.sources), options));

  if (spec.host_root || mapped_range) HV_TRY(take_ids(spec.uid, spec.gid, mapped_range && !spec.host_root));
  // Set again: a change of ids clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!skips(spec, Layer::no_new_privs)) HV_TRY(isolation::set_no_new_privs());
  if (skips(spec, Layer::capabilities)) return keep_capabilities();
  return isolation::drop_all_capabilities();
}

}  // namespace

void become_init(ChildPlan plan) {
  bool hygiene = !skips(*plan.spec, Layer::descriptor_hygiene);
  Status prepared = prepare(plan);
  if (prepared) {
    // 0-2 are nobody's yet: init gives every job its own.
    int null = ::open("/dev/null", O_RDWR);
    for (int standard = 0; standard < 3; ++standard) ::dup2(null, standard);
    int program = ::fcntl(plan.init_program, F_DUPFD_CLOEXEC, 10);
    ::dup2(plan.control, 3);
    if (hygiene) ::syscall(SYS_close_range, 4, program - 1, 0);
    if (hygiene) ::syscall(SYS_close_range, program + 1, ~0U, 0);
    char name[] = "hydravisor-init";
    std::array<char*, 2> arguments{name, nullptr};
    std::array<char*, 1> environment{nullptr};
    ::syscall(SYS_execveat, program, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
    prepared = fail("start init");
    plan.control = 3;
  }
  // Nothing else can be done when even this does not arrive: the supervisor sees the socket close.
  if (!shimwire::send_packet(plan.control, static_cast<uint8_t>(shimwire::FromInit::failed),
                             shimwire::encode(shimwire::to_problem(prepared.error()))))
    ::_exit(124);
  ::_exit(125);
}

}  // namespace hv::supervisor
