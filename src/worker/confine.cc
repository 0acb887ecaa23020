#include "worker/confine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

namespace hv::worker {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

namespace {

constexpr uint64_t read_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t write_access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr uint64_t file_access =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
// Constants of later interface versions than Debian 12's headers know.
constexpr uint64_t refer = uint64_t{1} << 13;
constexpr uint64_t truncate_access = uint64_t{1} << 14;
constexpr uint64_t first_version = (uint64_t{1} << 13) - 1;

Status allow(int ruleset, const std::string& path, uint64_t access) {
  Fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  // What is not there need not be allowed.
  if (!fd) return {};
  struct stat about{};
  if (::fstat(fd.get(), &about) == 0 && !S_ISDIR(about.st_mode)) access &= file_access | truncate_access;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = fd.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return Failure(Error::from_errno(errno, "confine the worker: allow", path));
  return {};
}

Status restrict_files(const Confinement& confinement) {
  long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1)
    return Failure(base::unsupported("confine the worker: this kernel has no Landlock")
                       .with_hint("a kernel from 5.19 with lsm=landlock,... at boot"));
  uint64_t handled = first_version | (version >= 2 ? refer : 0) | (version >= 3 ? truncate_access : 0);
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = handled;
  Fd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0)));
  if (!ruleset) return Failure(Error::from_errno(errno, "confine the worker: make a ruleset"));
  uint64_t writing = (read_access | write_access | refer | truncate_access) & handled;
  for (const std::string& path : confinement.readable) HV_TRY(allow(ruleset.get(), path, read_access));
  for (const std::string& path : confinement.writable) HV_TRY(allow(ruleset.get(), path, writing));
  HV_TRY(allow(ruleset.get(), "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE));
  HV_TRY(allow(ruleset.get(), "/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE));
  if (confinement.may_run_git) {
    for (const char* path :
         {"/usr/bin/git", "/usr/bin/setpriv", "/usr/lib/git-core", "/usr/libexec/git-core", "/usr/lib", "/usr/lib64",
          "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/etc/localtime"})
      HV_TRY(allow(ruleset.get(), path, read_access | LANDLOCK_ACCESS_FS_EXECUTE));
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return Failure(Error::from_errno(errno, "confine the worker"));
  return {};
}

// What neither the worker nor git needs and an attacker in it would want.
constexpr auto denied_calls = std::to_array<int>({
    SYS_socket,
    SYS_socketpair,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_sendto,
    SYS_sendmsg,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_pidfd_getfd,
    SYS_pidfd_open,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_unshare,
    SYS_setns,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_io_uring_setup,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_acct,
    SYS_quotactl,
    SYS_syslog,
#ifdef SYS_mknod
    SYS_mknod,
#endif
    SYS_mknodat,
    SYS_open_by_handle_at,
    SYS_personality,
    SYS_sethostname,
    SYS_setdomainname,
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif

    SYS_memfd_create,
    SYS_kcmp,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
});

Status restrict_calls() {
  std::vector<sock_filter> program;
  auto add = [&](uint16_t code, uint8_t yes, uint8_t no, uint32_t value) { program.push_back({code, yes, no, value}); };
  add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, arch));
#if defined(__x86_64__)
  add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
#elif defined(__aarch64__)
  add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_AARCH64);
#else
#error "the worker's filter is written for x86-64 and arm64"
#endif
  add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
  add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  add(BPF_JMP | BPF_JGE | BPF_K, 0, 1, 0x40000000);  // x32
  add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
#endif
  for (int call : denied_calls) {
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<uint32_t>(call));
    add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM);
  }
  add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
  sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
    return Failure(Error::from_errno(errno, "confine the worker: load the system-call filter"));
  return {};
}

void limit(decltype(RLIMIT_CORE) resource, rlim_t value) {
  rlimit limits{};
  if (::getrlimit(resource, &limits) != 0) return;
  limits.rlim_cur = limits.rlim_max = std::min(limits.rlim_max, value);
  ::setrlimit(resource, &limits);
}

}  // namespace

Status confine(const Confinement& confinement) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failure(Error::from_errno(errno, "set no_new_privs"));
  ::prctl(PR_SET_DUMPABLE, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, 900);
  limit(RLIMIT_AS, rlim_t{8} << 30);
  HV_TRY(restrict_files(confinement));
  return restrict_calls();
}

}  // namespace hv::worker
