// The system calls that a sandbox is refused, each with the error it gets. One table for the filter, which decides, and
// for the monitor, which answers and records; docs/probes.md says what each is good for.
#pragma once

#include <cerrno>
#include <cstdint>
#include <span>
#include <string_view>

#include <sys/syscall.h>

namespace hv::isolation {

// When a call is refused. What is tested of the arguments lies in registers: the caller cannot change it after the
// test.
enum class DenialRule : uint8_t {
  always,
  unless_nested,      // allowed where the policy allows nested sandboxes
  namespace_flags,    // clone, unshare: when a new namespace is asked for, unless nested
  socket_family,      // all but local, TCP and UDP, and routing netlink
  local_sockets,      // socketpair: all but local
  terminal_requests,  // ioctl: TIOCSTI and TIOCLINUX type on the terminal's behalf, TIOCSETD loads line disciplines
  execution_domain,   // personality: all but the query, PER_LINUX and ADDR_NO_RANDOMIZE (debuggers)
  device_node,        // mknod, mknodat: character and block devices
  quiet,              // always, and not worth a record: libc asks on every thread and falls back
  quiet_if_writes_recorded,  // openat2, whose flags lie in memory: libc falls back to openat
};

struct DeniedCall {
  int number;
  std::string_view name;
  int error;
  DenialRule rule = DenialRule::always;
};

// Numbers newer than this libc's headers; the same on every architecture.
namespace call {
inline constexpr int pidfd_getfd = 438;
inline constexpr int mount_setattr = 442;
inline constexpr int quotactl_fd = 443;
inline constexpr int fchmodat2 = 452;
inline constexpr int open_tree_attr = 467;
// The newest call that this table was held against. Later ones answer ENOSYS unrecorded, as on the kernel that had them
// last.
inline constexpr int newest_known = 469;
}  // namespace call

inline constexpr DeniedCall denied_calls[] = {
    // Asynchronous calls that no filter sees.
    {SYS_io_uring_setup, "io_uring_setup", ENOSYS},
    {SYS_io_uring_enter, "io_uring_enter", ENOSYS},
    {SYS_io_uring_register, "io_uring_register", ENOSYS},
    // Arguments in memory, which a filter cannot test.
    {SYS_clone3, "clone3", ENOSYS, DenialRule::quiet},
    {SYS_openat2, "openat2", ENOSYS, DenialRule::quiet_if_writes_recorded},
    // Namespaces.
    {SYS_clone, "clone", EPERM, DenialRule::namespace_flags},
    {SYS_unshare, "unshare", EPERM, DenialRule::namespace_flags},
    {SYS_setns, "setns", EPERM},
    // Mounts. The newer interface answers ENOSYS: programs then try mount(2).
    {SYS_mount, "mount", EPERM, DenialRule::unless_nested},
    {SYS_umount2, "umount2", EPERM, DenialRule::unless_nested},
    {SYS_pivot_root, "pivot_root", EPERM, DenialRule::unless_nested},
    {SYS_open_tree, "open_tree", ENOSYS},
    {SYS_move_mount, "move_mount", ENOSYS},
    {SYS_fsopen, "fsopen", ENOSYS},
    {SYS_fsconfig, "fsconfig", ENOSYS},
    {SYS_fsmount, "fsmount", ENOSYS},
    {SYS_fspick, "fspick", ENOSYS},
    {call::mount_setattr, "mount_setattr", ENOSYS},
    {call::open_tree_attr, "open_tree_attr", ENOSYS},
    // Other processes' memory and descriptors.
    {SYS_process_vm_readv, "process_vm_readv", EPERM},
    {SYS_process_vm_writev, "process_vm_writev", EPERM},
    {call::pidfd_getfd, "pidfd_getfd", EPERM},
    // Files by handle, past the mount tree.
    {SYS_name_to_handle_at, "name_to_handle_at", EPERM},
    {SYS_open_by_handle_at, "open_by_handle_at", EPERM},
    // Parts of the kernel with a long record of holes.
    {SYS_keyctl, "keyctl", EPERM},
    {SYS_add_key, "add_key", EPERM},
    {SYS_request_key, "request_key", EPERM},
    {SYS_bpf, "bpf", EPERM},
    {SYS_userfaultfd, "userfaultfd", EPERM},
    {SYS_perf_event_open, "perf_event_open", EPERM},
    {SYS_personality, "personality", EPERM, DenialRule::execution_domain},
    {SYS_socket, "socket", EAFNOSUPPORT, DenialRule::socket_family},
    {SYS_socketpair, "socketpair", EAFNOSUPPORT, DenialRule::local_sockets},
    {SYS_ioctl, "ioctl", EPERM, DenialRule::terminal_requests},
    {SYS_mknodat, "mknodat", EPERM, DenialRule::device_node},
#ifdef SYS_mknod
    {SYS_mknod, "mknod", EPERM, DenialRule::device_node},
#endif
    // The machine itself.
    {SYS_kexec_load, "kexec_load", EPERM},
    {SYS_kexec_file_load, "kexec_file_load", EPERM},
    {SYS_init_module, "init_module", EPERM},
    {SYS_finit_module, "finit_module", EPERM},
    {SYS_delete_module, "delete_module", EPERM},
    {SYS_swapon, "swapon", EPERM},
    {SYS_swapoff, "swapoff", EPERM},
    {SYS_reboot, "reboot", EPERM},
    {SYS_settimeofday, "settimeofday", EPERM},
    {SYS_clock_settime, "clock_settime", EPERM},
    {SYS_syslog, "syslog", EPERM},
    {SYS_acct, "acct", EPERM},
    {SYS_quotactl, "quotactl", EPERM},
    {call::quotactl_fd, "quotactl_fd", EPERM},
    {SYS_sethostname, "sethostname", EPERM, DenialRule::unless_nested},
    {SYS_setdomainname, "setdomainname", EPERM, DenialRule::unless_nested},
#ifdef SYS_modify_ldt
    {SYS_modify_ldt, "modify_ldt", ENOSYS},
    {SYS_iopl, "iopl", EPERM},
    {SYS_ioperm, "ioperm", EPERM},
#endif
};

// The entry for a call's number, or null.
constexpr const DeniedCall* find_denied_call(int number) {
  for (const DeniedCall& entry : denied_calls)
    if (entry.number == number) return &entry;
  return nullptr;
}

// Where a call names a file: the argument that holds a directory descriptor (-1: the working directory) and the one
// that holds the path (-1: the descriptor itself is the file).
struct PathArgument {
  int directory = -1;
  int path = -1;
};

// Calls by which files change, recorded where the policy records writes. Opens are told apart by their flags.
struct WritingCall {
  int number;
  std::string_view name;
  PathArgument paths[2];
  int flags_argument = -1;  // the argument that holds open(2) flags, or -1: the call always counts
};

inline constexpr WritingCall writing_calls[] = {
    {SYS_openat, "openat", {{0, 1}, {}}, 2},
    {SYS_unlinkat, "unlinkat", {{0, 1}, {}}},
    {SYS_renameat2, "renameat2", {{0, 1}, {2, 3}}},
    {SYS_mkdirat, "mkdirat", {{0, 1}, {}}},
    {SYS_linkat, "linkat", {{0, 1}, {2, 3}}},
    {SYS_symlinkat, "symlinkat", {{1, 2}, {}}},
    {SYS_fchmod, "fchmod", {{0, -1}, {}}},
    {SYS_fchmodat, "fchmodat", {{0, 1}, {}}},
    {call::fchmodat2, "fchmodat2", {{0, 1}, {}}},
    {SYS_fchown, "fchown", {{0, -1}, {}}},
    {SYS_fchownat, "fchownat", {{0, 1}, {}}},
    {SYS_truncate, "truncate", {{-1, 0}, {}}},
#ifdef SYS_renameat
    {SYS_renameat, "renameat", {{0, 1}, {2, 3}}},
#endif
#ifdef SYS_open
    {SYS_open, "open", {{-1, 0}, {}}, 1},
    {SYS_creat, "creat", {{-1, 0}, {}}},
    {SYS_unlink, "unlink", {{-1, 0}, {}}},
    {SYS_rmdir, "rmdir", {{-1, 0}, {}}},
    {SYS_rename, "rename", {{-1, 0}, {-1, 1}}},
    {SYS_mkdir, "mkdir", {{-1, 0}, {}}},
    {SYS_link, "link", {{-1, 0}, {-1, 1}}},
    {SYS_symlink, "symlink", {{-1, 1}, {}}},
    {SYS_chmod, "chmod", {{-1, 0}, {}}},
    {SYS_chown, "chown", {{-1, 0}, {}}},
    {SYS_lchown, "lchown", {{-1, 0}, {}}},
#endif
};

constexpr const WritingCall* find_writing_call(int number) {
  for (const WritingCall& entry : writing_calls)
    if (entry.number == number) return &entry;
  return nullptr;
}

}  // namespace hv::isolation
