// Files that a sandbox must not read, change or find.
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe/probe.h"

namespace hv::probe {
namespace {

using core::Layer;
constexpr std::string_view category = "files";
constexpr uint32_t nothing_to_leave_out = 0;

Attempt try_open(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW * ((flags & O_CREAT) != 0 ? 1 : 0), 0600);
  int error = errno;
  if (fd >= 0) ::close(fd);
  return judge("open " + path, fd < 0 ? -1 : 0, error);
}

// The first of several that opens.
Attempt try_each(const std::vector<std::string>& paths, int flags) {
  for (const std::string& path : paths)
    if (Attempt attempt = try_open(path, flags); attempt.outcome == Outcome::got_through) return attempt;
  return held(std::to_string(paths.size()) + " paths, none opens");
}

// Masked files open and are empty.
Attempt try_read(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return held(describe("open " + path, fd, errno));
  char byte = 0;
  ssize_t got = ::read(fd, &byte, 1);
  int error = errno;
  ::close(fd);
  if (got == 0) return held("read " + path + ": empty");
  return judge("read " + path, got, error);
}

Attempt own_program(const Outside&) {
  return try_open("/proc/self/exe", O_WRONLY);
}
Attempt init_program(const Outside&) {
  return try_open("/proc/1/exe", O_RDWR);
}
Attempt init_environment(const Outside&) {
  return try_open("/proc/1/environ", O_RDONLY);
}
Attempt init_memory(const Outside&) {
  return try_open("/proc/1/mem", O_RDWR);
}
Attempt init_root(const Outside&) {
  return try_open("/proc/1/root/etc/hostname", O_RDONLY);
}
Attempt init_descriptors(const Outside&) {
  return try_open("/proc/1/fd", O_RDONLY | O_DIRECTORY);
}
Attempt kernel_symbols(const Outside&) {
  return try_read("/proc/kallsyms");
}
Attempt kernel_memory(const Outside&) {
  for (const char* path : {"/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port"})
    if (Attempt attempt = try_read(path); attempt.outcome != Outcome::held) return attempt;
  return held("/proc/kcore, /dev/mem, /dev/kmem and /dev/port give nothing");
}
Attempt kernel_log(const Outside&) {
  for (const char* path : {"/dev/kmsg", "/proc/kmsg"})
    if (Attempt attempt = try_read(path); attempt.outcome != Outcome::held) return attempt;
  return held("/dev/kmsg and /proc/kmsg give nothing");
}
Attempt key_users(const Outside&) {
  return try_read("/proc/key-users");
}
// A mask is a mount over the file, so it has to hold by whatever name the file is reached.
Attempt masked_by_other_names(const Outside&) {
  for (const char* name : {"/proc/self/root/proc/kallsyms", "/proc/self/cwd/../../../../../../../../proc/kallsyms",
                           "/proc/thread-self/root/proc/kallsyms", "/proc/1/root/proc/kallsyms",
                           "/proc/self/../kallsyms", "/proc//kallsyms"})
    if (Attempt attempt = try_read(name); attempt.outcome == Outcome::got_through) return attempt;
  int directory = ::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return held("no name leads to it");
  Attempt attempt = try_read("/proc/self/fd/" + std::to_string(directory) + "/kallsyms");
  ::close(directory);
  return attempt.outcome == Outcome::got_through ? attempt : held("no name leads to it");
}
// What is written to a masked file goes to /dev/null: only a real one, a file of proc, is a way through.
Attempt sysrq(const Outside&) {
  int fd = ::open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return held(describe("open /proc/sysrq-trigger", fd, errno));
  struct stat info{};
  ::fstat(fd, &info);
  ::close(fd);
  return S_ISCHR(info.st_mode) ? held("/proc/sysrq-trigger is masked")
                               : got_through("/proc/sysrq-trigger opens for writing");
}
Attempt core_pattern(const Outside&) {
  return try_open("/proc/sys/kernel/core_pattern", O_WRONLY);
}
Attempt own_switches(const Outside&) {
  return try_open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY);
}
Attempt release_agent(const Outside&) {
  return try_each(
      {"/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/cgroup.procs"}, O_WRONLY);
}
Attempt host_devices(const Outside&) {
  return try_each(
      {"/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/loop0", "/dev/loop-control", "/dev/fuse", "/dev/kvm",
       "/dev/net/tun", "/dev/uinput", "/dev/dri/card0", "/dev/vhost-net", "/dev/vsock", "/dev/mapper/control"},
      O_RDONLY);
}
Attempt write_root(const Outside&) {
  Attempt attempt = try_open("/hydravisor-probe", O_WRONLY | O_CREAT | O_EXCL);
  ::unlink("/hydravisor-probe");
  return attempt;
}
Attempt write_system(const Outside&) {
  for (const char* path :
       {"/usr/bin/hydravisor-probe-file", "/etc/hydravisor-probe-file", "/opt/hydravisor-probe-file"}) {
    Attempt attempt = try_open(path, O_WRONLY | O_CREAT | O_EXCL);
    ::unlink(path);
    if (attempt.outcome == Outcome::got_through) return attempt;
  }
  return held("/usr, /etc and /opt take no new file");
}
Attempt change_system(const Outside&) {
  for (const char* path : {"/usr/bin/env", "/etc/passwd"}) {
    struct stat info{};
    if (::stat(path, &info) != 0) continue;
    // To what they are already, so that nothing is broken where it gets through.
    if (::chmod(path, info.st_mode & 07777) == 0) return got_through(std::string("chmod ") + path + " succeeded");
    if (::chown(path, info.st_uid, info.st_gid) == 0) return got_through(std::string("chown ") + path + " succeeded");
    if (::truncate(path, info.st_size) == 0) return got_through(std::string("truncate ") + path + " succeeded");
  }
  return held("chmod, chown and truncate of system files fail");
}
Attempt link_system(const Outside&) {
  const char* second = "/tmp/hydravisor-probe-link";
  long result = ::link("/usr/bin/env", second);
  int error = errno;
  int fd = ::open("/usr/bin/env", O_PATH | O_CLOEXEC);
  // The same by way of a descriptor, which needs no path.
  if (result != 0 && fd >= 0)
    result = ::linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd)).c_str(), AT_FDCWD, second, AT_SYMLINK_FOLLOW);
  if (fd >= 0) ::close(fd);
  ::unlink(second);
  return judge("link", result, error);
}
Attempt set_user_id(const Outside&) {
  int set = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  return set == 1 ? held("no_new_privs is set") : got_through("no_new_privs is not set: set-user-id programs gain");
}
Attempt capabilities(const Outside&) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[2]{};
  if (::syscall(SYS_capget, &header, sets) != 0) return not_applicable("capget fails");
  bool any = (sets[0].effective | sets[1].effective | sets[0].permitted | sets[1].permitted) != 0;
  return any ? got_through("capabilities are held") : held("every set is empty");
}

// Descriptors that were not given to a command: 0, 1 and 2 are, and one is ours for looking.
Attempt leaked_descriptors(const Outside&) {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return not_applicable("/proc/self/fd cannot be read");
  std::string found;
  while (const dirent* entry = ::readdir(directory)) {
    int fd = std::atoi(entry->d_name);
    if (fd <= 2 || fd == ::dirfd(directory)) continue;
    // Our own report pipe is close-on-exec; what leaked through the exec is not.
    if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0) continue;
    char target[PATH_MAX];
    ssize_t size = ::readlinkat(::dirfd(directory), entry->d_name, target, sizeof target);
    found += " " + std::to_string(fd) + "=" + std::string(target, size > 0 ? static_cast<size_t>(size) : 0);
  }
  ::closedir(directory);
  return found.empty() ? held("0, 1 and 2 only") : got_through("descriptors leaked in:" + found);
}

Attempt working_directory(const Outside&) {
  char path[PATH_MAX];
  if (::getcwd(path, sizeof path) == nullptr) return got_through("the working directory lies outside the root");
  if (path[0] != '/') return got_through("the working directory lies outside the root");
  return held("the working directory is inside");
}

Attempt host_file(const Outside& outside) {
  if (outside.file.empty()) return not_applicable("no file of the host was named");
  return try_each(
      {outside.file, "/proc/self/root" + outside.file, "/proc/self/cwd/../../../../../../../.." + outside.file,
       "/proc/1/root" + outside.file, "/proc/thread-self/root" + outside.file},
      O_RDONLY);
}

const Probe table[] = {
    {"own-program", category, "overwriting the program that runs, through /proc/self/exe", nothing_to_leave_out, "",
     own_program},
    {"init-program", category, "the program of PID 1", nothing_to_leave_out, "", init_program},
    {"init-environment", category, "the environment of PID 1", layers(Layer::capabilities), "", init_environment},
    {"init-memory", category, "the memory of PID 1", layers(Layer::capabilities), "", init_memory},
    {"init-root", category, "the root directory of PID 1", layers(Layer::capabilities), "", init_root},
    {"init-descriptors", category, "the descriptors of PID 1", layers(Layer::capabilities), "", init_descriptors},
    {"kallsyms", category, "the kernel's symbols", layers(Layer::masked_proc), "", kernel_symbols, false,
     Allowance::nested},
    {"masked-by-other-names", category, "a masked file by another of its names", layers(Layer::masked_proc), "",
     masked_by_other_names, false, Allowance::nested},
    {"key-users", category, "who holds keys on the host", layers(Layer::masked_proc), "", key_users, false,
     Allowance::nested},
    {"kernel-memory", category, "the machine's memory", nothing_to_leave_out, "", kernel_memory},
    {"kernel-log", category, "the kernel's log", nothing_to_leave_out, "", kernel_log},
    {"sysrq", category, "the machine's emergency switch", nothing_to_leave_out, "", sysrq},
    {"core-pattern", category, "the program the kernel runs at a crash", nothing_to_leave_out, "", core_pattern},
    {"proc-sys", category, "the network's switches below /proc/sys", layers(Layer::masked_proc, Layer::capabilities),
     "", own_switches},
    {"release-agent", category, "the program the kernel runs when a cgroup is empty", nothing_to_leave_out, "",
     release_agent},
    {"host-devices", category, "devices of the host", nothing_to_leave_out, "", host_devices},
    {"write-root", category, "a file in the root directory",
     layers(Layer::read_only_root, Layer::landlock, Layer::capabilities), "", write_root},
    {"write-system", category, "a file among the system's", nothing_to_leave_out, "", write_system, false,
     Allowance::own_root},
    {"change-system", category, "changing the system's files", nothing_to_leave_out, "", change_system, false,
     Allowance::own_root},
    {"link-system", category, "a second name for a system file", nothing_to_leave_out, "", link_system},
    {"set-user-id", category, "privilege from set-user-id programs", layers(Layer::no_new_privs, Layer::capabilities),
     "", set_user_id},
    {"capabilities", category, "capabilities left over", layers(Layer::capabilities), "", capabilities},
    {"leaked-descriptors", category, "descriptors left over", layers(Layer::descriptor_hygiene), "",
     leaked_descriptors},
    {"working-directory", category, "a working directory outside", nothing_to_leave_out, "", working_directory},
    {"host-file", category, "a file of the host, by several names", nothing_to_leave_out, "", host_file},
};

}  // namespace

std::span<const Probe> file_probes() {
  return table;
}

}  // namespace hv::probe
