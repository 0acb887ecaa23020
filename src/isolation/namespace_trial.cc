#include "isolation/namespace_trial.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::isolation {
namespace {

// In the child from here: system calls only, nothing that could need a lock.

int write_text(const char* path, const char* text) {
  int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = ::write(fd, text, std::strlen(text)) < 0 ? errno : 0;
  ::close(fd);
  return error;
}

int error_of(int result) {
  return result == 0 ? 0 : errno;
}

int try_overlay_in_memory() {
  if (::mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") != 0) return errno;
  for (const char* path : {"/tmp/lower", "/tmp/upper", "/tmp/work", "/tmp/merged"}) ::mkdir(path, 0700);
  return error_of(::mount("overlay", "/tmp/merged", "overlay", 0,
                          "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr"));
}

void run_trial(NamespaceTrial& trial, const char* uid_map, const char* gid_map) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  write_text("/proc/self/setgroups", "deny");
  trial.id_map = write_text("/proc/self/uid_map", uid_map);
  if (trial.id_map == 0) trial.id_map = write_text("/proc/self/gid_map", gid_map);
  trial.mounts = error_of(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  if (trial.mounts != 0) return;
  trial.fresh_proc = error_of(::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr));
  trial.overlay = try_overlay_in_memory();
}

// In the parent again.

// At the same address in the child, which is a copy.
const int kSample = 7;

int try_reading_memory(pid_t child) {
  int copy = 0;
  iovec local{&copy, sizeof copy};
  iovec remote{const_cast<int*>(&kSample), sizeof kSample};
  return ::process_vm_readv(child, &local, 1, &remote, 1, 0) == sizeof copy ? 0 : errno;
}

uint64_t read_switch(const std::string& path, uint64_t absent) {
  auto text = base::read_file(path, 64);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : absent;
}

std::string error_text(int error) {
  return ::strerrordesc_np(error) != nullptr ? ::strerrordesc_np(error) : std::to_string(error);
}

}  // namespace

NamespaceTrial try_namespaces(uid_t uid, gid_t gid) {
  NamespaceTrial trial;
  char uid_map[32];
  char gid_map[32];
  std::snprintf(uid_map, sizeof uid_map, "%u %u 1", uid, uid);
  std::snprintf(gid_map, sizeof gid_map, "%u %u 1", gid, gid);
  auto pipe = base::make_pipe();
  auto gate = base::make_pipe();
  if (!pipe || !gate) {
    trial.user_namespace = (pipe ? gate : pipe).error().os_error();
    return trial;
  }
  int answer = pipe->write_end.get();
  int go = gate->read_end.get();
  int held = gate->write_end.get();
  constexpr unsigned long kAll =
      CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  long child = ::syscall(SYS_clone, kAll | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child < 0) {
    trial.user_namespace = errno;
    return trial;
  }
  if (child == 0) {
    ::close(held);
    NamespaceTrial found;
    run_trial(found, uid_map, gid_map);
    ssize_t written = ::write(answer, &found, sizeof found);
    char byte = 0;
    // Until the parent has looked at its memory.
    while (::read(go, &byte, 1) < 0 && errno == EINTR) continue;
    ::_exit(written == sizeof found ? 0 : 1);
  }
  pipe->write_end.close();
  if (::read(pipe->read_end.get(), &trial, sizeof trial) != sizeof trial) trial.mounts = EIO;
  trial.memory = try_reading_memory(static_cast<pid_t>(child));
  gate->write_end.close();
  while (::waitpid(static_cast<pid_t>(child), nullptr, 0) < 0 && errno == EINTR) continue;
  return trial;
}

Obstacle explain_namespaces(const NamespaceTrial& trial, const std::string& proc, const std::string& apparmor_profile) {
  int error = trial.user_namespace != 0 ? trial.user_namespace : trial.id_map != 0 ? trial.id_map : trial.mounts;
  if (error == 0) return {};
  constexpr std::array kKinds{"user", "mnt", "pid", "net", "ipc", "uts"};
  for (const char* kind : kKinds) {
    std::string name = base::format("max_{}_namespaces", kind);
    if (read_switch(proc + "/sys/user/" + name, 1) == 0)
      return {base::format("the limit user.{} is 0", name),
              base::format("as root: sysctl -w user.{}=15000; to keep it: echo user.{}=15000 > "
                           "/etc/sysctl.d/90-hydravisor.conf",
                           name, name)};
  }
  if (read_switch(proc + "/sys/kernel/unprivileged_userns_clone", 1) == 0)
    return {"unprivileged user namespaces are switched off (kernel.unprivileged_userns_clone)",
            "as root: sysctl -w kernel.unprivileged_userns_clone=1; to keep it: echo "
            "kernel.unprivileged_userns_clone=1 > /etc/sysctl.d/90-hydravisor.conf"};
  if (read_switch(proc + "/sys/kernel/apparmor_restrict_unprivileged_userns", 0) != 0)
    return {
        "AppArmor lets only programs with a profile make user namespaces "
        "(kernel.apparmor_restrict_unprivileged_userns)",
        apparmor_profile.empty()
            ? "install Hydravisor's package, which carries the profile; or as root: sysctl -w "
              "kernel.apparmor_restrict_unprivileged_userns=0"
            : base::format("as root: install -m 644 {} /etc/apparmor.d/hydravisor && apparmor_parser -r "
                           "/etc/apparmor.d/hydravisor; then: hydravisor daemon stop",
                           base::shell_quote(apparmor_profile))};
  if (error == ENOSPC || error == EUSERS)
    return {"there are too many user namespaces, or they are nested too deep",
            "as root: sysctl -w user.max_user_namespaces=15000"};
  return {base::format(
              "user namespaces cannot be made: {}; a container or a seccomp filter around this process may forbid them",
              error_text(error)),
          "run outside the container, or start it with user namespaces allowed"};
}

Obstacle explain_memory(const NamespaceTrial& trial, const std::string& proc) {
  if (trial.user_namespace != 0 || trial.memory == 0) return {};
  if (read_switch(proc + "/sys/kernel/yama/ptrace_scope", 0) >= 3)
    return {"no process may read another's memory (kernel.yama.ptrace_scope is 3)",
            "as root: put kernel.yama.ptrace_scope=1 into /etc/sysctl.d/90-hydravisor.conf, and restart the machine: 3 "
            "cannot be taken back before"};
  return {base::format("the memory of a process inside cannot be read: {}; a container or a seccomp filter around this "
                       "process may forbid it",
                       error_text(trial.memory)),
          "run outside the container, or allow process_vm_readv there"};
}

}  // namespace hv::isolation
