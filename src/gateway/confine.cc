#include "gateway/confine.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolation/capabilities.h"
#include "isolation/landlock.h"
#include "isolation/seccomp_install.h"

namespace hv::gateway {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the gateway's filter needs this architecture's audit number"
#endif

constexpr std::array kAllowed{
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
};

constexpr uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;

std::string own_filter() {
  std::vector<sock_filter> program;
  auto add = [&](sock_filter instruction) { program.push_back(instruction); };
  add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (long number : kAllowed) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(number), 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  // Of these only what an argument says is allowed. Ids of processes are in the low half; the high one is ignored here
  // and by the kernel.
  struct Narrow {
    long call;
    uint32_t argument;
    std::vector<uint32_t> values;
    bool allowed;  // or refused, with every other allowed
  };
  const Narrow narrow[] = {
      // Asking for an interface's number needs no other family.
      {SYS_socket, 0, {AF_INET, AF_INET6}, true},
      {SYS_ioctl, 1, {SIOCGIFINDEX}, true},
      // By an owner and a signal of its own a descriptor could signal any process of this user.
      {SYS_fcntl, 1, {F_SETOWN, F_SETOWN_EX, F_SETSIG}, false},
      // Itself alone: to abort, and for its own limit of open files.
      {SYS_tgkill, 0, {static_cast<uint32_t>(::getpid())}, true},
      {SYS_prlimit64, 0, {0}, true},
  };
  for (const Narrow& one : narrow) {
    auto count = static_cast<uint8_t>(one.values.size());
    // Over the argument, the comparisons and the two answers.
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(one.call), 0, static_cast<uint8_t>(count + 3)));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offsetof(seccomp_data, args) + 8 * one.argument)));
    for (uint8_t i = 0; i < count; ++i)
      add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one.values[i], static_cast<uint8_t>(count - i), 0));
    add(BPF_STMT(BPF_RET | BPF_K, one.allowed ? kRefuse : uint32_t{SECCOMP_RET_ALLOW}));
    add(BPF_STMT(BPF_RET | BPF_K, one.allowed ? uint32_t{SECCOMP_RET_ALLOW} : kRefuse));
  }
  add(BPF_STMT(BPF_RET | BPF_K, kRefuse));
  return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter)};
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
