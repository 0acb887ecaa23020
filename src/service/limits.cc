#include "service/limits.h"

#include <algorithm>

#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"

namespace hv::service {

core::Limits decide_limits(const core::LimitsRequest& request, const core::Limits& policy) {
  core::Limits limits = policy;
  limits.memory_bytes = request.memory_bytes.value_or(limits.memory_bytes);
  limits.pids = request.pids.value_or(limits.pids);
  limits.cpu_millis = request.cpu_millis.value_or(limits.cpu_millis);
  limits.io_bytes = request.io_bytes.value_or(limits.io_bytes);
  limits.open_files = request.open_files.value_or(limits.open_files);
  limits.disk_bytes = request.disk_bytes.value_or(limits.disk_bytes);
  limits.wall_millis = request.wall_millis.value_or(limits.wall_millis);
  limits.idle_millis = request.idle_millis.value_or(limits.idle_millis);
  return limits;
}

base::Status check_limits(const core::LimitsRequest& request, const isolation::CgroupPlan& plan) {
  if (request.accept_unenforced) return {};
  for (const isolation::Unenforced& missing : plan.not_enforced) {
    bool asked = (missing.limit == "memory" && request.memory_bytes) || (missing.limit == "pids" && request.pids) ||
                 (missing.limit == "cpu" && request.cpu_millis) || (missing.limit == "io" && request.io_bytes);
    if (asked)
      return base::Failure(
          base::unsupported("the " + missing.limit + " limit cannot be enforced on this machine: " + missing.reason)
              .with_hint("leave the option out, or accept the loss with --accept-unenforced"));
  }
  return {};
}

core::LimitsInfo describe_limits(const core::Limits& asked, const isolation::CgroupPlan& plan) {
  core::LimitsInfo info;
  info.asked = asked;
  // What cgroups do not keep, the supervisor and the kernel's limits of processes and file systems do, everywhere.
  info.enforced = asked;
  auto holds = [&](const char* limit) { return std::ranges::find(plan.enforced, limit) != plan.enforced.end(); };
  if (!holds("memory")) info.enforced.memory_bytes = 0;
  if (!holds("pids")) info.enforced.pids = 0;
  if (!holds("cpu")) info.enforced.cpu_millis = 0;
  if (!holds("io")) info.enforced.io_bytes = 0;
  std::vector<std::string> how;
  if (!plan.enforced.empty()) how.push_back(plan.kind + ": " + base::join(plan.enforced, ", "));
  if (asked.disk_bytes != 0) how.emplace_back("disk: watched, the sandbox is ended above it");
  for (const isolation::Unenforced& missing : plan.not_enforced)
    how.push_back(missing.limit + " is not limited: " + missing.reason);
  info.how = base::join(how, "; ");
  return info;
}

std::vector<std::string> limit_notes(const core::Limits& limits, core::WorkspaceMode mode) {
  std::vector<std::string> notes;
  auto machine = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  if (limits.memory_bytes > machine)
    notes.push_back(base::format("the memory limit of {} is above the {} of this machine, and so does not bind",
                                 base::to_text(base::ByteCount{limits.memory_bytes}),
                                 base::to_text(base::ByteCount{machine})));
  auto processors = static_cast<uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN));
  if (limits.cpu_millis > processors * 1000)
    notes.push_back(
        base::format("the limit of processors is above the {} of this machine, and so does not bind", processors));
  if (limits.disk_bytes != 0 && mode == core::WorkspaceMode::live)
    notes.emplace_back("the disk limit counts the home only: a live workspace is your own directory");
  return notes;
}

std::vector<std::string> counted_directories(const core::LaunchSpec& spec, const std::string& home) {
  std::vector<std::string> directories;
  for (const auto* mounts : {&spec.ground.mounts, &spec.mounts})
    for (const core::Mount& mount : *mounts)
      if (mount.kind == core::Mount::Kind::overlay) directories.push_back(mount.upper + "/upper");
  directories.push_back(home);
  return directories;
}

}  // namespace hv::service
