#include "gateway/confine.h"

#include <array>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolation/allow_list.h"
#include "isolation/capabilities.h"
#include "isolation/landlock.h"
#include "isolation/seccomp_install.h"

namespace hv::gateway {

namespace {

constexpr auto kAllowed = std::to_array<long>({
    SYS_read,           SYS_write,         SYS_readv,           SYS_writev,
    SYS_pread64,        SYS_pwrite64,      SYS_lseek,           SYS_close,
    SYS_fstat,          SYS_newfstatat,    SYS_statx,           SYS_openat,
    SYS_ftruncate,      SYS_fsync,         SYS_fdatasync,       SYS_epoll_create1,
    SYS_epoll_ctl,      SYS_epoll_pwait,   SYS_ppoll,           SYS_accept4,
    SYS_connect,        SYS_recvfrom,      SYS_sendto,          SYS_recvmsg,
    SYS_sendmsg,        SYS_getsockopt,    SYS_setsockopt,      SYS_getsockname,
    SYS_getpeername,    SYS_shutdown,      SYS_memfd_create,    SYS_splice,
    SYS_pipe2,          SYS_exit,          SYS_exit_group,      SYS_mmap,
    SYS_munmap,         SYS_mremap,        SYS_madvise,         SYS_brk,
    SYS_futex,          SYS_clock_gettime, SYS_clock_nanosleep, SYS_gettid,
    SYS_getpid,         SYS_getrandom,     SYS_getrlimit,       SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn,  SYS_restart_syscall, SYS_gettimeofday,
    SYS_seccomp,
#if defined(__x86_64__)
    SYS_open,           SYS_stat,          SYS_lstat,           SYS_epoll_wait,
    SYS_poll,           SYS_time,
#endif
});

std::string own_filter() {
  using enum isolation::NarrowCall::Rule;
  const isolation::NarrowCall narrow[] = {
      // Asking for an interface's number needs no other family.
      {SYS_socket, 0, {AF_INET, AF_INET6}, only_these},
      {SYS_ioctl, 1, {SIOCGIFINDEX}, only_these},
      // By an owner and a signal of its own a descriptor could signal any process of this user.
      {SYS_fcntl, 1, {F_SETOWN, F_SETOWN_EX, F_SETSIG}, all_but_these},
      // Itself alone: to abort, and for its own limit of open files.
      {SYS_tgkill, 0, {static_cast<uint32_t>(::getpid())}, only_these},
      {SYS_prlimit64, 0, {0}, only_these},
  };
  return isolation::allow_only(kAllowed, narrow);
}

// Real root owns files that only root may read, without any capability: the gateway is nobody then. Elsewhere id 0 owns
// nothing of the host.
base::Status become_nobody() {
  constexpr id_t kNobody = 65534;
  if (::geteuid() != 0) return {};
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0)
    return base::Failure(base::Error::from_errno(errno, "confine the gateway: give up root's id"));
  return {};
}

}  // namespace

base::Status confine_rights(const std::optional<std::vector<uint16_t>>& ports) {
  isolation::LandlockPlan plan;
  plan.readable.emplace();
  if (ports) {
    plan.tcp = isolation::TcpPorts{{}, *ports};
  } else {
    // resolv.conf is a link into one of these on most machines, and is replaced by rename.
    plan.readable = {"/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/connman"};
  }
  HV_TRY(isolation::set_no_new_privs());
  HV_TRY(become_nobody());
  HV_TRY(isolation::drop_all_capabilities());
  HV_TRY(isolation::apply_landlock(plan));
  ::prctl(PR_SET_DUMPABLE, 0);
  // Nothing is written to files but the address map; a core would hold what passed through.
  rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  return {};
}

base::Status confine_calls() {
  HV_TRY_CONTEXT(isolation::install_filter(own_filter(), false), "confine the gateway");
  return {};
}

}  // namespace hv::gateway
