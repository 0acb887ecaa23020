#include "isolation/machine.h"

#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fd.h"

namespace hv::isolation {
namespace {

using core::CheckStatus;
using testing::HasSubstr;

Machine modern() {
  Machine machine;
  machine.kernel = "6.18.0";
  machine.kernel_major = 6;
  machine.kernel_minor = 18;
  machine.landlock_abi = 7;
  machine.seccomp_notify = true;
  for (ControllerParent* parent : {&machine.cgroups.memory, &machine.cgroups.pids, &machine.cgroups.cpu,
                                   &machine.cgroups.freezer, &machine.cgroups.io})
    parent->path = "/sys/fs/cgroup/hydravisor";
  return machine;
}

const core::DoctorCheck& find(const core::DoctorReport& report, std::string_view id) {
  return *std::ranges::find(report.checks, id, &core::DoctorCheck::id);
}

TEST(Report, OfAModernMachineIsAllGood) {
  core::DoctorReport report = report_machine(modern());
  EXPECT_TRUE(report.usable);
  for (const core::DoctorCheck& check : report.checks)
    EXPECT_EQ(check.status, CheckStatus::ok) << check.id << ": " << check.detail;
}

TEST(Report, OfDebian12IsUsableAndNamesWhatIsLess) {
  Machine machine = modern();
  machine.kernel = "6.1.0-1";
  machine.kernel_major = 6;
  machine.kernel_minor = 1;
  machine.landlock_abi = 2;
  core::DoctorReport report = report_machine(machine);
  EXPECT_TRUE(report.usable);
  EXPECT_EQ(find(report, "kernel").status, CheckStatus::degraded);
  EXPECT_THAT(find(report, "landlock").detail, HasSubstr("truncate"));
}

TEST(Report, SaysThatNothingCanStartWithoutUserNamespacesOrAFreshProc) {
  Machine machine = modern();
  machine.namespace_obstacle = {"forbidden", "allow them"};
  EXPECT_FALSE(report_machine(machine).usable);
  machine = modern();
  machine.namespaces.fresh_proc = EPERM;
  core::DoctorReport report = report_machine(machine);
  EXPECT_FALSE(report.usable);
  EXPECT_THAT(find(report, "proc").detail, HasSubstr("covered"));
}

TEST(Report, SaysWhatAKernelWithoutPacketRulesOrLandlockCosts) {
  Machine machine = modern();
  machine.network_obstacle = {"no nftables", "modprobe"};
  machine.landlock_abi = 0;
  machine.landlock_error = EOPNOTSUPP;
  machine.security_modules = "lockdown,capability,yama";
  core::DoctorReport report = report_machine(machine);
  EXPECT_TRUE(report.usable);
  EXPECT_EQ(find(report, "packet-rules").status, CheckStatus::degraded);
  EXPECT_THAT(find(report, "packet-rules").detail, HasSubstr("--network none"));
  EXPECT_THAT(find(report, "landlock").detail, HasSubstr("switched off"));
  EXPECT_THAT(find(report, "landlock").fix, HasSubstr("lsm=landlock,lockdown,capability,yama "));
  machine.landlock_error = ENOSYS;
  EXPECT_THAT(find(report_machine(machine), "landlock").fix, HasSubstr("CONFIG_SECURITY_LANDLOCK"));
}

TEST(Report, SplitsAReasonFromItsFix) {
  Machine machine = modern();
  machine.cgroups.pids = {.path = {}, .reason = "no cgroup is writable (as root: mkdir x)", .unified = false};
  machine.uid = 1000;
  machine.ids.degradation = "only one id (install uidmap)";
  core::DoctorReport report = report_machine(machine);
  EXPECT_TRUE(report.usable);
  EXPECT_EQ(find(report, "cgroup-pids").detail, "no cgroup is writable");
  EXPECT_EQ(find(report, "cgroup-pids").fix, "as root: mkdir x");
  EXPECT_EQ(find(report, "ids").fix, "install uidmap");
}

TEST(Report, MissesNothingOnTheRealMachine) {
  Machine machine = examine_machine({.cgroups = {.scope = {}},
                                     .layout = {},
                                     .ids = {},
                                     .user = "nobody-here",
                                     .apparmor_profile = {},
                                     .uid = ::geteuid(),
                                     .gid = ::getegid()});
  EXPECT_GE(machine.kernel_major, 5);
  EXPECT_TRUE(machine.seccomp_notify);
}

}  // namespace
}  // namespace hv::isolation
