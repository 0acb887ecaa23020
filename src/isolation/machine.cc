#include "isolation/machine.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "isolation/landlock.h"

namespace hv::isolation {
namespace {

using core::CheckStatus;
using core::DoctorCheck;

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

int try_overlay() {
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
  trial.overlay = try_overlay();
}

// In the parent again.

uint64_t read_switch(const std::string& path, uint64_t absent) {
  auto text = base::read_file(path, 64);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : absent;
}

std::string error_text(int error) {
  return ::strerrordesc_np(error) != nullptr ? ::strerrordesc_np(error) : std::to_string(error);
}

DoctorCheck check_kernel(const Machine& machine) {
  bool enough = machine.kernel_major > 5 || (machine.kernel_major == 5 && machine.kernel_minor >= 19);
  bool full = machine.kernel_major > 6 || (machine.kernel_major == 6 && machine.kernel_minor >= 7);
  return {.id = "kernel",
          .status = !enough ? CheckStatus::missing
                    : full  ? CheckStatus::ok
                            : CheckStatus::degraded,
          .detail = base::format("Linux {}", machine.kernel),
          .fix = !enough ? "needs Linux 5.19 or later"
                 : full  ? ""
                         : "Linux 6.7 or later adds Landlock's network rules and faster recording"};
}

DoctorCheck check_namespaces(const Machine& machine) {
  bool good = machine.namespace_obstacle.empty();
  return {.id = "user-namespaces",
          .status = good ? CheckStatus::ok : CheckStatus::missing,
          .detail = good ? "can be made" : machine.namespace_obstacle,
          .fix = machine.namespace_fix};
}

DoctorCheck check_proc(const Machine& machine) {
  if (machine.namespaces.fresh_proc == 0)
    return {.id = "proc", .status = CheckStatus::ok, .detail = "a fresh /proc can be mounted", .fix = {}};
  return {.id = "proc",
          .status = CheckStatus::missing,
          .detail = base::format(
              "a fresh /proc cannot be mounted: {}; parts of this machine's own /proc are covered, as containers do",
              error_text(machine.namespaces.fresh_proc)),
          .fix =
              "run outside the container, or give it an uncovered /proc (podman and docker: --security-opt unmask=ALL, "
              "or systempaths=unconfined)"};
}

DoctorCheck check_overlay(const Machine& machine) {
  if (machine.namespaces.overlay == 0)
    return {.id = "overlay", .status = CheckStatus::ok, .detail = "works in a user namespace", .fix = {}};
  return {.id = "overlay",
          .status = CheckStatus::degraded,
          .detail = base::format("overlayfs with userxattr fails: {}", error_text(machine.namespaces.overlay)),
          .fix = machine.namespaces.overlay == ENODEV ? "as root: modprobe overlay" : "use --workspace live or ro"};
}

DoctorCheck check_ids(const Machine& machine) {
  if (machine.uid == 0)
    return {.id = "ids", .status = CheckStatus::ok, .detail = "each sandbox gets 65536 ids of its own", .fix = {}};
  if (!machine.ids.single())
    return {.id = "ids", .status = CheckStatus::ok, .detail = "a range of subordinate ids is mapped", .fix = {}};
  size_t open = machine.ids.degradation.find(" (");
  std::string fix = open == std::string::npos
                        ? ""
                        : machine.ids.degradation.substr(open + 2, machine.ids.degradation.size() - open - 3);
  return {.id = "ids", .status = CheckStatus::degraded, .detail = machine.ids.degradation.substr(0, open), .fix = fix};
}

DoctorCheck check_landlock(const Machine& machine) {
  LandlockReport report = foresee_landlock({}, machine.landlock_abi);
  if (report.degradations.empty())
    return {
        .id = "landlock", .status = CheckStatus::ok, .detail = base::format("ABI {}", machine.landlock_abi), .fix = {}};
  std::string detail = base::format("ABI {}", machine.landlock_abi);
  for (const std::string& degradation : report.degradations) detail += "; " + degradation;
  return {.id = "landlock",
          .status = machine.landlock_abi == 0 ? CheckStatus::missing : CheckStatus::degraded,
          .detail = detail,
          .fix = machine.landlock_abi == 0 ? "add landlock to the lsm= list of the kernel's command line"
                                           : "a later kernel covers the rest"};
}

DoctorCheck check_controller(const char* name, const ControllerParent& parent) {
  size_t open = parent.reason.rfind(" (");
  std::string fix = open == std::string::npos ? "" : parent.reason.substr(open + 2, parent.reason.size() - open - 3);
  return {.id = std::string("cgroup-") + name,
          .status = parent.path.empty() ? CheckStatus::degraded : CheckStatus::ok,
          .detail = parent.path.empty() ? parent.reason.substr(0, open)
                                        : (parent.unified ? "version 2: " : "version 1: ") + parent.path,
          .fix = fix};
}

}  // namespace

NamespaceTrial try_namespaces(uid_t uid, gid_t gid) {
  NamespaceTrial trial;
  char uid_map[32];
  char gid_map[32];
  std::snprintf(uid_map, sizeof uid_map, "%u %u 1", uid, uid);
  std::snprintf(gid_map, sizeof gid_map, "%u %u 1", gid, gid);
  auto pipe = base::make_pipe();
  if (!pipe) {
    trial.user_namespace = pipe.error().os_error();
    return trial;
  }
  int answer = pipe->write_end.get();
  long child =
      ::syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child < 0) {
    trial.user_namespace = errno;
    return trial;
  }
  if (child == 0) {
    NamespaceTrial found;
    run_trial(found, uid_map, gid_map);
    ssize_t written = ::write(answer, &found, sizeof found);
    ::_exit(written == sizeof found ? 0 : 1);
  }
  pipe->write_end.close();
  if (::read(pipe->read_end.get(), &trial, sizeof trial) != sizeof trial) trial.mounts = EIO;
  while (::waitpid(static_cast<pid_t>(child), nullptr, 0) < 0 && errno == EINTR) continue;
  return trial;
}

Obstacle explain_namespaces(const NamespaceTrial& trial, const std::string& proc, const std::string& apparmor_profile) {
  int error = trial.user_namespace != 0 ? trial.user_namespace : trial.id_map != 0 ? trial.id_map : trial.mounts;
  if (error == 0) return {};
  if (read_switch(proc + "/sys/user/max_user_namespaces", 1) == 0)
    return {"the limit user.max_user_namespaces is 0", "as root: sysctl -w user.max_user_namespaces=15000"};
  if (read_switch(proc + "/sys/kernel/unprivileged_userns_clone", 1) == 0)
    return {"unprivileged user namespaces are switched off (kernel.unprivileged_userns_clone)",
            "as root: sysctl -w kernel.unprivileged_userns_clone=1"};
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

Machine examine_machine(const MachineSources& sources) {
  Machine machine;
  utsname name{};
  if (::uname(&name) == 0) machine.kernel = name.release;
  std::sscanf(machine.kernel.c_str(), "%d.%d", &machine.kernel_major, &machine.kernel_minor);
  machine.uid = sources.uid;
  machine.namespaces = try_namespaces(sources.uid, sources.gid);
  machine.landlock_abi = landlock_abi();
  uint32_t notify = SECCOMP_RET_USER_NOTIF;
  machine.seccomp_notify = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &notify) == 0;
  CgroupSources cgroups = sources.cgroups;
  cgroups.uid = sources.uid;
  machine.cgroups = find_cgroup_parents(cgroups);
  if (sources.uid != 0) machine.ids = rootless_maps(sources.user, sources.uid, sources.gid, sources.ids);
  Obstacle obstacle = explain_namespaces(machine.namespaces, sources.proc, sources.apparmor_profile);
  machine.namespace_obstacle = std::move(obstacle.what);
  machine.namespace_fix = std::move(obstacle.fix);
  return machine;
}

core::DoctorReport report_machine(const Machine& machine) {
  core::DoctorReport report;
  report.checks.push_back(check_kernel(machine));
  report.checks.push_back(check_namespaces(machine));
  if (machine.namespace_obstacle.empty()) {
    report.checks.push_back(check_proc(machine));
    report.checks.push_back(check_overlay(machine));
  }
  report.checks.push_back(check_ids(machine));
  report.checks.push_back({.id = "seccomp-notify",
                           .status = machine.seccomp_notify ? CheckStatus::ok : CheckStatus::missing,
                           .detail = machine.seccomp_notify ? "denied calls and executed programs are recorded"
                                                            : "the kernel has no seccomp user notification",
                           .fix = machine.seccomp_notify ? "" : "a kernel with CONFIG_SECCOMP_FILTER is needed"});
  report.checks.push_back(check_landlock(machine));
  report.checks.push_back(check_controller("memory", machine.cgroups.memory));
  report.checks.push_back(check_controller("pids", machine.cgroups.pids));
  report.checks.push_back(check_controller("cpu", machine.cgroups.cpu));
  report.checks.push_back(check_controller("freezer", machine.cgroups.freezer));
  report.usable = true;
  for (const DoctorCheck& check : report.checks)
    if (check.status == CheckStatus::missing && check.id != "landlock") report.usable = false;
  return report;
}

}  // namespace hv::isolation
