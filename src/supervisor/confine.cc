#include "supervisor/confine.h"

#include <array>
#include <vector>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "isolation/allow_list.h"
#include "isolation/capabilities.h"
#include "isolation/namespaces.h"
#include "isolation/seccomp_install.h"

namespace hv::supervisor {

namespace {

// All that an event loop over descriptors and a reader of /proc need; the rest answers EPERM.
constexpr auto kAllowed = std::to_array<long>({
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_lseek,
    SYS_close,
    SYS_close_range,
    SYS_fstat,
    SYS_fstatfs,
    SYS_newfstatat,
    SYS_statx,
    SYS_openat,
    SYS_openat2,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_renameat,
    SYS_renameat2,
    SYS_unlinkat,
    SYS_mkdirat,
    SYS_linkat,
    SYS_symlinkat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_copy_file_range,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_ioctl,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_ppoll,
    SYS_accept4,
    SYS_recvfrom,
    SYS_sendto,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_getsockopt,
    SYS_shutdown,
    SYS_memfd_create,
    SYS_inotify_init1,
    SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
    SYS_process_vm_readv,
    SYS_pidfd_open,
    SYS_pidfd_send_signal,
    SYS_kill,
    SYS_tgkill,
    SYS_wait4,
    SYS_waitid,
    SYS_exit,
    SYS_exit_group,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_timerfd_settime,
    SYS_gettid,
    SYS_getpid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrandom,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_restart_syscall,
    SYS_sigaltstack,
    SYS_gettimeofday,
    SYS_uname,
    SYS_seccomp,
    SYS_fallocate,
    SYS_fgetxattr,
    SYS_umask,
#if defined(__x86_64__)
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_readlink,
    SYS_epoll_wait,
    SYS_poll,
    SYS_unlink,
    SYS_rename,
    SYS_mkdir,
    SYS_access,
    SYS_dup2,
    SYS_time,
#endif
});

}  // namespace

base::Status confine_self(const std::string& workspace, bool reads_everything) {
  std::vector<std::pair<std::string, std::string>> kept{{"/proc", "proc"}};
  if (!workspace.empty()) kept.emplace_back(workspace, "workspace");
  HV_TRY_CONTEXT(isolation::enter_empty_root(kept), "confine the supervisor");
  ::prctl(PR_SET_DUMPABLE, 0);
  HV_TRY(isolation::set_no_new_privs());
  HV_TRY_CONTEXT(isolation::drop_all_capabilities(reads_everything ? 1U << CAP_DAC_READ_SEARCH : 0),
                 "confine the supervisor");
  HV_TRY_CONTEXT(isolation::install_filter(isolation::allow_only(kAllowed), false), "confine the supervisor");
  return {};
}

}  // namespace hv::supervisor
