#include "init/setup.h"

#include "isolation/capabilities.h"
#include "isolation/landlock.h"
#include "isolation/seccomp_install.h"

namespace hv::init {

namespace {

bool skipped(const Confinement& setup, core::Layer layer) {
  return (setup.skipped_layers & static_cast<uint32_t>(layer)) != 0;
}

std::string describe(const isolation::LandlockReport& report) {
  std::string text = "landlock: ABI " + std::to_string(report.abi) + ":";
  if (report.filesystem) text += " files";
  if (report.tcp) text += " tcp";
  if (report.abstract_sockets) text += " abstract-sockets";
  if (report.signals) text += " signals";
  return text;
}

}  // namespace

std::vector<std::string> writable_paths(const std::vector<core::Mount>& ground, const std::vector<core::Mount>& rest) {
  // Writing to one's own files in /proc (oom_score_adj, comm) and to devices is decided by the kernel's permissions
  // there.
  std::vector<std::string> paths{"/proc", "/dev"};
  for (const auto* mounts : {&ground, &rest})
    for (const core::Mount& mount : *mounts)
      if (mount.writable) paths.push_back(mount.target);
  return paths;
}

base::Result<Privileges> give_up_privileges(const Confinement& setup) {
  Privileges result;
  if (skipped(setup, core::Layer::no_new_privs)) {
    result.degraded.push_back("no_new_privs: skipped on request");
  } else {
    HV_TRY(isolation::set_no_new_privs());
    result.enforced.push_back("no_new_privs");
  }
  if (skipped(setup, core::Layer::landlock)) {
    result.degraded.push_back("landlock: skipped on request");
  } else {
    isolation::LandlockPlan plan;
    plan.filesystem = !setup.allow_nested;
    plan.writable = setup.writable;
    if (setup.restrict_exec) plan.executable = setup.executable;
    isolation::LandlockReport report = HV_TRY(isolation::apply_landlock(plan));
    if (report.anything()) result.enforced.push_back(describe(report));
    for (std::string& line : report.degradations) result.degraded.push_back(std::move(line));
  }
  if (skipped(setup, core::Layer::capabilities)) {
    result.degraded.push_back("capabilities: kept on request, within the sandbox's own user namespace");
  } else {
    HV_TRY(isolation::verify_no_capabilities());
    result.enforced.push_back("capabilities: none");
  }
  if (skipped(setup, core::Layer::seccomp)) {
    result.degraded.push_back("seccomp: skipped on request; commands and denied calls are not recorded");
  } else {
    result.listener = HV_TRY(isolation::install_filter(setup.seccomp_program, true));
    result.enforced.push_back("seccomp");
  }
  return result;
}

}  // namespace hv::init
