#include "isolation/machine.h"

#include <cerrno>
#include <cstdio>

#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "isolation/landlock.h"
#include "isolation/network_trial.h"

namespace hv::isolation {
namespace {

using core::CheckStatus;
using core::DoctorCheck;

std::string error_text(int error) {
  return ::strerrordesc_np(error) != nullptr ? ::strerrordesc_np(error) : std::to_string(error);
}

DoctorCheck check_kernel(const Machine& machine) {
  bool enough = machine.kernel_major > 5 || (machine.kernel_major == 5 && machine.kernel_minor >= 19);
  bool full = machine.kernel_major > 6 || (machine.kernel_major == 6 && machine.kernel_minor >= 7);
  return {
      .id = "kernel",
      .status = !enough ? CheckStatus::missing
                : full  ? CheckStatus::ok
                        : CheckStatus::degraded,
      .detail = base::format("Linux {}", machine.kernel),
      .fix = !enough
                 ? "install Linux 5.19 or later (Debian 12 and Ubuntu 22.04 with its HWE kernel have one), and restart"
             : full ? ""
                    : "Linux 6.7 or later adds Landlock's network rules and faster recording"};
}

DoctorCheck check_obstacle(const char* id, const Obstacle& obstacle, CheckStatus otherwise, const char* good,
                           const char* cost) {
  if (obstacle.what.empty()) return {.id = id, .status = CheckStatus::ok, .detail = good, .fix = {}};
  return {.id = id, .status = otherwise, .detail = base::format("{}; {}", obstacle.what, cost), .fix = obstacle.fix};
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
  if (machine.uid == 0 && machine.root_of_few)
    return {.id = "ids",
            .status = CheckStatus::missing,
            .detail =
                "this root is the root of a container, whose user namespace lacks the ids from 524288 to "
                "1878982655 that root's sandboxes get theirs from",
            .fix = "run Hydravisor as an ordinary user, or outside the container"};
  if (machine.uid == 0)
    return {.id = "ids", .status = CheckStatus::ok, .detail = "each sandbox gets 65536 ids of its own", .fix = {}};
  if (machine.ids.degradation.empty())
    return {.id = "ids", .status = CheckStatus::ok, .detail = "a range of subordinate ids is mapped", .fix = {}};
  size_t open = machine.ids.degradation.find(" (");
  std::string fix = open == std::string::npos
                        ? ""
                        : machine.ids.degradation.substr(open + 2, machine.ids.degradation.size() - open - 3);
  return {.id = "ids", .status = CheckStatus::degraded, .detail = machine.ids.degradation.substr(0, open), .fix = fix};
}

// Built in but not on, or not there at all: the kernel's errors differ.
std::string landlock_fix(const Machine& machine) {
  if (machine.landlock_error != EOPNOTSUPP) return "a kernel with CONFIG_SECURITY_LANDLOCK is needed";
  std::string list = machine.security_modules.empty() ? "(what cat /sys/kernel/security/lsm shows)"
                                                      : base::printable(machine.security_modules);
  return base::format(
      "add lsm=landlock,{} to the kernel's command line (Debian and Ubuntu: GRUB_CMDLINE_LINUX in /etc/default/grub, "
      "then as root: update-grub), and restart",
      list);
}

DoctorCheck check_landlock(const Machine& machine) {
  LandlockReport report = foresee_landlock({}, machine.landlock_abi);
  if (report.degradations.empty())
    return {
        .id = "landlock", .status = CheckStatus::ok, .detail = base::format("ABI {}", machine.landlock_abi), .fix = {}};
  if (machine.landlock_abi == 0)
    return {.id = "landlock",
            .status = CheckStatus::missing,
            .detail = machine.landlock_error == EOPNOTSUPP
                          ? "the kernel has Landlock and it is switched off; sandboxes start with one layer less"
                          : "the kernel has no Landlock; sandboxes start with one layer less",
            .fix = landlock_fix(machine)};
  return {.id = "landlock",
          .status = CheckStatus::degraded,
          .detail = base::format("ABI {}; {}", machine.landlock_abi, base::join(report.degradations, "; ")),
          .fix = "a later kernel covers the rest"};
}

DoctorCheck check_controller(const char* name, const ControllerParent& parent, bool scoped) {
  const char* how = scoped           ? "systemd makes a scope for each sandbox in "
                    : parent.unified ? "version 2: "
                                     : "version 1: ";
  size_t open = parent.reason.rfind(" (");
  std::string fix = open == std::string::npos ? "" : parent.reason.substr(open + 2, parent.reason.size() - open - 3);
  return {.id = std::string("cgroup-") + name,
          .status = parent.path.empty() ? CheckStatus::degraded : CheckStatus::ok,
          .detail = parent.path.empty() ? parent.reason.substr(0, open) : how + parent.path,
          .fix = fix};
}

}  // namespace

namespace {

// Whether one line of an id map holds all of the ids that root's sandboxes are given. What cannot be read holds.
bool maps_root_range(const std::string& map) {
  auto text = base::read_file(map, size_t{1} << 16);
  if (!text) return true;
  for (const std::string& line : base::split(*text, '\n')) {
    unsigned inside = 0;
    unsigned outside = 0;
    unsigned count = 0;
    if (std::sscanf(line.c_str(), "%u %u %u", &inside, &outside, &count) != 3) continue;
    if (inside <= kRootRangeFirst && uint64_t{inside} + count >= kRootRangeEnd) return true;
  }
  return false;
}

// What took the programs' right away is seen on their files; the rest their own words and the hint have to say.
std::string fix_of_map_programs(const IdMaps& ids, const std::string& hint) {
  for (const std::string& program : {ids.newuidmap, ids.newgidmap}) {
    struct stat about{};
    bool has_right = ::stat(program.c_str(), &about) == 0 && about.st_uid == 0 && (about.st_mode & S_ISUID) != 0;
    if (!has_right && ::getxattr(program.c_str(), "security.capability", nullptr, 0) < 0)
      return base::format("as root: chown root {0} {1} && chmod u+s {0} {1}; then: hydravisor daemon stop",
                          base::shell_quote(ids.newuidmap), base::shell_quote(ids.newgidmap));
  }
  return hint;
}

}  // namespace

Machine examine_machine(const MachineSources& sources) {
  Machine machine;
  utsname name{};
  if (::uname(&name) == 0) machine.kernel = name.release;
  std::sscanf(machine.kernel.c_str(), "%d.%d", &machine.kernel_major, &machine.kernel_minor);
  machine.uid = sources.uid;
  machine.namespaces = try_namespaces(sources.uid, sources.gid);
  machine.landlock_abi = landlock_abi();
  if (machine.landlock_abi == 0) machine.landlock_error = errno;
  if (auto modules = base::read_file(sources.security_modules, 1024))
    machine.security_modules = modules->substr(0, modules->find('\n'));
  uint32_t notify = SECCOMP_RET_USER_NOTIF;
  machine.seccomp_notify = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &notify) == 0;
  CgroupSources cgroups = sources.cgroups;
  cgroups.uid = sources.uid;
  machine.cgroups = sources.layout ? *sources.layout : find_cgroup_parents(cgroups);
  machine.namespace_obstacle = explain_namespaces(machine.namespaces, sources.proc, sources.apparmor_profile);
  machine.root_of_few = sources.uid == 0 && !maps_root_range(sources.proc + "/self/uid_map");
  if (sources.uid != 0) machine.ids = rootless_maps(sources.user, sources.uid, sources.gid, sources.ids);
  if (!machine.namespace_obstacle.what.empty()) return machine;
  machine.memory_obstacle = explain_memory(machine.namespaces, sources.proc);
  if (base::Status rules = try_packet_rules(); !rules)
    machine.network_obstacle = {rules.error().message(), rules.error().hint()};
  // The programs and the lines being there is not enough: set-user-id bits get lost, and ranges of others are refused.
  if (sources.uid != 0 && !machine.ids.single())
    if (auto shared = make_rootless_namespace(machine.ids); !shared)
      machine.ids.degradation = base::format("only the user's own id is mapped: {} ({})", shared.error().message(),
                                             fix_of_map_programs(machine.ids, shared.error().hint()));
  return machine;
}

core::DoctorReport report_machine(const Machine& machine) {
  core::DoctorReport report;
  report.checks.push_back(check_kernel(machine));
  report.checks.push_back(check_obstacle("user-namespaces", machine.namespace_obstacle, CheckStatus::missing,
                                         "can be made", "no sandbox can start"));
  if (machine.namespace_obstacle.what.empty()) {
    report.checks.push_back(check_proc(machine));
    report.checks.push_back(check_overlay(machine));
    report.checks.push_back(check_obstacle("memory-of-processes", machine.memory_obstacle, CheckStatus::degraded,
                                           "what is executed is recorded with its arguments",
                                           "what is executed is recorded without its arguments"));
    report.checks.push_back(check_obstacle("packet-rules", machine.network_obstacle, CheckStatus::degraded,
                                           "sandboxes can have a way out",
                                           "a sandbox with a way out does not start; --network none does"));
  }
  report.checks.push_back(check_ids(machine));
  report.checks.push_back({.id = "seccomp-notify",
                           .status = machine.seccomp_notify ? CheckStatus::ok : CheckStatus::missing,
                           .detail = machine.seccomp_notify ? "denied calls and executed programs are recorded"
                                                            : "the kernel has no seccomp user notification",
                           .fix = machine.seccomp_notify ? "" : "a kernel with CONFIG_SECCOMP_FILTER is needed"});
  report.checks.push_back(check_landlock(machine));
  report.checks.push_back(check_controller("memory", machine.cgroups.memory, machine.cgroups.scoped));
  report.checks.push_back(check_controller("pids", machine.cgroups.pids, machine.cgroups.scoped));
  report.checks.push_back(check_controller("cpu", machine.cgroups.cpu, machine.cgroups.scoped));
  report.checks.push_back(check_controller("io", machine.cgroups.io, machine.cgroups.scoped));
  report.checks.push_back(check_controller("freezer", machine.cgroups.freezer, machine.cgroups.scoped));
  report.usable = true;
  for (const DoctorCheck& check : report.checks)
    if (check.status == CheckStatus::missing && check.id != "landlock") report.usable = false;
  return report;
}

}  // namespace hv::isolation
