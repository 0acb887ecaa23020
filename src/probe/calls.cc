// System calls that the filter refuses. Each is made with arguments that the kernel itself would answer differently,
// and harmlessly, so that "the filter refused" and "the kernel was reached" can be told apart.
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <ctime>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolation/denied_calls.h"
#include "probe/probe.h"

namespace hv::probe {
namespace {

using core::Layer;
namespace call = isolation::call;

constexpr uint32_t seccomp_only = layers(Layer::seccomp);
// Reaching the call's body takes a capability in the sandbox's own user namespace as well.
constexpr uint32_t seccomp_and_capabilities = layers(Layer::seccomp, Layer::capabilities);
// The kernel refuses everybody outside its first user namespace with the same error: nothing that is left out shows a
// difference.
constexpr uint32_t kernel_itself = 0;

using Arguments = std::array<long, 6>;
long text(const char* value) {
  return reinterpret_cast<long>(value);
}
constexpr long nowhere = 16;  // an address that is not mapped

struct Call {
  const char* id;
  int number;
  uint32_t control;
  const char* summary;
  Arguments arguments{};
};

const timeval impossible_time{.tv_sec = 0, .tv_usec = 2000000};

const Call calls[] = {
    {"io-uring", SYS_io_uring_setup, seccomp_only, "calls that no filter would see", {0, nowhere}},
    {"clone3", SYS_clone3, seccomp_only, "clone with flags in memory, which a filter cannot test", {0, 0}},
    {"open-tree", SYS_open_tree, seccomp_only, "the newer mount interface", {AT_FDCWD, text("/"), 0}},
    {"move-mount", SYS_move_mount, seccomp_only, "the newer mount interface", {-1, text(""), -1, text(""), 0}},
    {"fsopen", SYS_fsopen, seccomp_only, "the newer mount interface", {text("tmpfs"), 0}},
    {"fsconfig", SYS_fsconfig, seccomp_only, "the newer mount interface", {-1, 6}},
    {"fsmount", SYS_fsmount, seccomp_only, "the newer mount interface", {-1}},
    {"fspick", SYS_fspick, seccomp_only, "the newer mount interface", {-1, text("/"), 0}},
    {"mount-setattr", call::mount_setattr, seccomp_only, "the newer mount interface", {-1, text(""), 0, 0, 0}},
    {"umount",
     SYS_umount2,
     seccomp_and_capabilities,
     "taking a mount away to see what it hides",
     {text("/proc/self/no-such-mount"), 0}},
    {"pivot-root",
     SYS_pivot_root,
     seccomp_and_capabilities,
     "another root",
     {text("/proc/self/none"), text("/proc/self/none")}},
    {"name-to-handle",
     SYS_name_to_handle_at,
     seccomp_only,
     "files by handle, past the mount tree",
     {AT_FDCWD, text("/"), nowhere, nowhere}},
    {"open-by-handle",
     SYS_open_by_handle_at,
     kernel_itself,
     "files by handle, past the mount tree",
     {-1, nowhere, O_RDONLY}},
    {"keyctl", SYS_keyctl, seccomp_only, "the kernel's keyrings", {0, -3, 0}},
    {"add-key", SYS_add_key, seccomp_only, "the kernel's keyrings", {text("no-such-type"), text("x"), 0, 0, -3}},
    {"request-key", SYS_request_key, seccomp_only, "the kernel's keyrings", {text("no-such-type"), text("x"), 0, 0}},
    {"userfaultfd", SYS_userfaultfd, seccomp_only, "page faults handled by a program", {1}},
    {"perf-event-open", SYS_perf_event_open, seccomp_only, "performance counters", {nowhere, 0, -1, -1, -1}},
    {"bpf", SYS_bpf, kernel_itself, "programs in the kernel", {INT_MAX, 0, 0}},
    {"personality", SYS_personality, seccomp_only, "other execution domains", {READ_IMPLIES_EXEC}},
    {"kexec-load", SYS_kexec_load, kernel_itself, "another kernel", {0, 0, 0, -1}},
    {"init-module", SYS_init_module, kernel_itself, "kernel modules", {nowhere, 0, nowhere}},
    {"finit-module", SYS_finit_module, kernel_itself, "kernel modules", {-1, nowhere, 0}},
    {"delete-module", SYS_delete_module, kernel_itself, "kernel modules", {nowhere, 0}},
    {"swapon", SYS_swapon, kernel_itself, "swap", {text("/none"), 0}},
    {"reboot", SYS_reboot, seccomp_and_capabilities, "ending the machine", {0, 0, 0, 0}},
    {"settimeofday",
     SYS_settimeofday,
     seccomp_only,
     "the machine's clock",
     {reinterpret_cast<long>(&impossible_time), 0}},
    {"clock-settime", SYS_clock_settime, seccomp_only, "the machine's clock", {CLOCK_MONOTONIC, nowhere}},
    {"syslog", SYS_syslog, kernel_itself, "the kernel's log", {3, nowhere, 1}},
    {"acct", SYS_acct, kernel_itself, "process accounting", {text("/none")}},
    {"quotactl", SYS_quotactl, seccomp_only, "disk quotas", {0xff, 0, 0, 0}},
    {"socket-packet", SYS_socket, seccomp_only, "frames of the network device", {AF_PACKET, SOCK_RAW, 0}},
    {"socket-raw", SYS_socket, seccomp_only, "raw IP packets", {AF_INET, SOCK_RAW, 1}},
    {"socket-netfilter",
     SYS_socket,
     seccomp_only,
     "the firewall's control socket",
     {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER}},
    {"socket-audit", SYS_socket, seccomp_only, "the kernel's audit socket", {AF_NETLINK, SOCK_RAW, NETLINK_AUDIT}},
    {"socket-generic-netlink",
     SYS_socket,
     seccomp_only,
     "the kernel's modules, by generic netlink",
     {AF_NETLINK, SOCK_RAW, NETLINK_GENERIC}},
    {"socket-diagnosis", SYS_socket, seccomp_only, "a list of all sockets", {AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG}},
    {"socket-device-events",
     SYS_socket,
     seccomp_only,
     "devices as they come and go",
     {AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT}},
    {"socket-mptcp", SYS_socket, seccomp_only, "TCP over several paths", {AF_INET, SOCK_STREAM, IPPROTO_MPTCP}},
    {"socket-udplite", SYS_socket, seccomp_only, "UDP-Lite", {AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE}},
    {"socket-sctp", SYS_socket, seccomp_only, "SCTP", {AF_INET, SOCK_STREAM, IPPROTO_SCTP}},
    {"socket-ping", SYS_socket, seccomp_only, "echo requests", {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}},
    {"socketpair", SYS_socketpair, seccomp_only, "pairs of other families", {AF_INET, SOCK_STREAM, 0, nowhere}},
    // Families that may not be built in have the filter's very error.
    {"socket-alg", SYS_socket, kernel_itself, "the kernel's cryptography", {AF_ALG, SOCK_SEQPACKET, 0}},
    {"socket-vsock", SYS_socket, kernel_itself, "the hypervisor's socket", {AF_VSOCK, SOCK_STREAM, 0}},
};

template <size_t I>
Attempt try_call(const Outside&) {
  const Call& c = calls[I];
  const Arguments& a = c.arguments;
  long result = ::syscall(c.number, a[0], a[1], a[2], a[3], a[4], a[5]);
  int error = errno;
  const isolation::DeniedCall* entry = isolation::find_denied_call(c.number);
  std::string detail = describe(entry->name, result, error);
  if (result < 0 && error == entry->error) return held(detail);
  return got_through(detail + ": the kernel was reached");
}

Attempt unshare_user(const Outside&) {
  long result = ::unshare(CLONE_NEWUSER);
  int error = errno;
  if (result < 0 && error == EPERM) return held(describe("unshare", result, error));
  // ENOSPC: the filter let it pass; the sandbox's limit of user namespaces, which is zero, did not.
  return got_through(describe("unshare", result, error) + ": the kernel was reached");
}

Attempt clone_namespace(const Outside&) {
  long pid = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  int error = errno;
  if (pid == 0) ::_exit(0);
  if (pid > 0) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  if (pid < 0 && error == EPERM) return held(describe("clone", pid, error));
  return got_through(describe("clone", pid, error) + ": the kernel was reached");
}

Attempt unshare_names(const Outside&) {
  long result = ::unshare(CLONE_NEWUTS);
  return judge("unshare", result, errno);
}

Attempt join_namespace(const Outside&) {
  int fd = ::open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return not_applicable("/proc/self/ns is not there");
  long result = ::setns(fd, CLONE_NEWUTS);
  return judge("setns", result, errno);
}

Attempt mount_tmpfs(const Outside&) {
  ::mkdir("/tmp/hydravisor-probe-mount", 0700);
  long result = ::syscall(SYS_mount, "tmpfs", "/tmp/hydravisor-probe-mount", "tmpfs", 0, 0);
  int error = errno;
  if (result == 0) ::syscall(SYS_umount2, "/tmp/hydravisor-probe-mount", 0);
  ::rmdir("/tmp/hydravisor-probe-mount");
  return judge("mount", result, error);
}

Attempt read_memory(const Outside&) {
  char source[] = "own";
  char target[sizeof source]{};
  iovec local{target, sizeof target};
  iovec remote{source, sizeof source};
  long result = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
  return judge("process_vm_readv", result, errno);
}

Attempt write_memory(const Outside&) {
  char source[] = "own";
  char target[sizeof source]{};
  iovec local{source, sizeof source};
  iovec remote{target, sizeof target};
  long result = ::process_vm_writev(::getpid(), &local, 1, &remote, 1, 0);
  return judge("process_vm_writev", result, errno);
}

Attempt take_descriptor(const Outside&) {
  int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  if (pidfd < 0) return not_applicable(describe("pidfd_open", pidfd, errno));
  long result = ::syscall(call::pidfd_getfd, pidfd, pidfd, 0);
  return judge("pidfd_getfd", result, errno);
}

// A mount namespace, with what we are allowed to or in a user namespace of our own; private, so that nothing of it is
// seen outside.
int leave_mounts(int more) {
  if (::unshare(CLONE_NEWNS | more) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS | more) != 0) return errno;
  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  return 0;
}

// Whoever copies a mount tree into a namespace of his own finds its read-only mounts locked.
Attempt make_writable(const Outside&) {
  if (int error = leave_mounts(0); error != 0) return held(describe("unshare", -1, error));
  int error = 0;
  for (const char* path : {"/usr", "/etc", "/"}) {
    if (::mount(nullptr, path, nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0)
      return got_through(std::string("mounted writable: ") + path);
    error = errno;
  }
  return held_unrecorded(describe("mount", -1, error));
}

// The program that a control group starts when it is empty is one of the host's.
Attempt mount_cgroup(const Outside&) {
  if (int error = leave_mounts(CLONE_NEWCGROUP); error != 0) return held(describe("unshare", -1, error));
  const char* place = "/tmp/hydravisor-probe-cgroup";
  ::mkdir(place, 0700);
  Attempt attempt = held_unrecorded("no control group file system with such a program can be mounted");
  for (const char* controller : {"memory", "pids", "cpu", "freezer", "devices", "net_cls"}) {
    if (::mount("cgroup", place, "cgroup", 0, controller) != 0) continue;
    int fd = ::open((std::string(place) + "/release_agent").c_str(), O_WRONLY | O_CLOEXEC);
    attempt = fd < 0 ? held_unrecorded(describe("open release_agent", fd, errno))
                     : got_through(std::string("release_agent of ") + controller + " opens for writing");
    if (fd >= 0) ::close(fd);
    ::umount2(place, MNT_DETACH);
    if (attempt.outcome == Outcome::got_through) break;
  }
  ::rmdir(place);
  return attempt;
}

Attempt make_whiteout(const Outside&) {
  // Device 0:0 is the one that the kernel lets anybody make: overlayfs reads it as a deletion.
  long result = ::syscall(SYS_mknodat, AT_FDCWD, "/tmp/hydravisor-probe-node", S_IFCHR | 0600, 0);
  int error = errno;
  ::unlink("/tmp/hydravisor-probe-node");
  return judge("mknodat", result, error);
}

#ifdef __x86_64__
Attempt call_ia32(const Outside&) {
  // getpid by the 32-bit gate; a kernel without it raises a signal, which holds.
  long result = 20;
  asm volatile("int $0x80" : "+a"(result) : : "memory");
  int error = result < 0 ? static_cast<int>(-result) : 0;
  return judge("int 0x80 getpid", result < 0 ? -1 : result, error);
}

Attempt call_x32(const Outside&) {
  long result = ::syscall(0x40000000 + SYS_getpid);
  return judge("x32 getpid", result, errno);
}
#endif

// What the filter refuses by itself leaves no record.
std::string_view record_of(int number) {
  const isolation::DeniedCall* entry = isolation::find_denied_call(number);
  return entry->rule == isolation::DenialRule::quiet ? std::string_view() : entry->name;
}

Allowance allowance_of(int number) {
  bool nested = isolation::find_denied_call(number)->rule == isolation::DenialRule::unless_nested;
  return nested ? Allowance::nested : Allowance::nothing;
}

constexpr size_t simple_count = std::size(calls);
constexpr std::string_view category = "system-calls";

const Probe special[] = {
    {"unshare-user-namespace", category, "a user namespace of its own", seccomp_only, "unshare", unshare_user, false,
     Allowance::nested},
    {"clone-user-namespace", category, "a process in a user namespace of its own", seccomp_only, "clone",
     clone_namespace, false, Allowance::nested},
    {"unshare-namespace", category, "a namespace of its own", seccomp_and_capabilities, "unshare", unshare_names, false,
     Allowance::nested},
    {"setns", category, "entering a namespace", seccomp_and_capabilities, "setns", join_namespace},
    {"mount", category, "a mount of its own", layers(Layer::seccomp, Layer::capabilities, Layer::landlock), "mount",
     mount_tmpfs, false, Allowance::nested},
    {"remount-writable", category, "a read-only mount made writable, in a mount namespace of its own",
     layers(Layer::seccomp, Layer::capabilities, Layer::landlock), "unshare", make_writable},
    {"release-agent-mount", category, "a control group's program of the host, in a mount namespace of its own",
     kernel_itself, "unshare", mount_cgroup},
    {"process-vm-readv", category, "another process's memory", seccomp_only, "process_vm_readv", read_memory},
    {"process-vm-writev", category, "another process's memory", seccomp_only, "process_vm_writev", write_memory},
    {"pidfd-getfd", category, "another process's descriptors", seccomp_only, "pidfd_getfd", take_descriptor},
    {"device-node", category, "device files, and overlay's whiteouts", layers(Layer::seccomp, Layer::landlock),
     "mknodat", make_whiteout},
#ifdef __x86_64__
    {"ia32", category, "the 32-bit interface", seccomp_only, "foreign 20", call_ia32},
    // Most kernels are built without x32: then nothing shows that the filter was needed.
    {"x32", category, "the x32 interface", kernel_itself, "foreign 1073741863", call_x32},
#endif
};

template <size_t... I>
std::array<Probe, simple_count + std::size(special)> make_table(std::index_sequence<I...>) {
  std::array<Probe, simple_count + std::size(special)> table{
      Probe{calls[I].id, category, calls[I].summary, calls[I].control, record_of(calls[I].number), try_call<I>, false,
            allowance_of(calls[I].number)}...};
  for (size_t i = 0; i < std::size(special); ++i) table[simple_count + i] = special[i];
  return table;
}

}  // namespace

std::span<const Probe> call_probes() {
  static const auto table = make_table(std::make_index_sequence<simple_count>());
  return table;
}

}  // namespace hv::probe
