#include "isolation/machine.h"

#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove_tree.h"

namespace hv::isolation {
namespace {

using core::CheckStatus;
using testing::HasSubstr;

class Switches : public testing::Test {
 protected:
  void SetUp() override {
    char text[] = "/tmp/hv-machine-XXXXXX";
    ASSERT_NE(::mkdtemp(text), nullptr);
    proc = text;
    ASSERT_TRUE(base::make_directories(proc + "/sys/kernel"));
    ASSERT_TRUE(base::make_directories(proc + "/sys/user"));
  }
  void TearDown() override { ASSERT_TRUE(base::remove_tree(proc)); }
  void put(const std::string& name, const std::string& value) {
    ASSERT_TRUE(base::replace_file(proc + "/sys/" + name, value));
  }
  std::string proc;
};

TEST_F(Switches, ThatForbidUserNamespacesAreNamedWithTheCommandThatSetsThem) {
  NamespaceTrial refused{.user_namespace = EPERM};
  put("kernel/apparmor_restrict_unprivileged_userns", "1\n");
  EXPECT_THAT(explain_namespaces({.id_map = EPERM}, proc).what, HasSubstr("AppArmor"));
  EXPECT_THAT(explain_namespaces({.mounts = EACCES}, proc).fix, HasSubstr("profile"));
  EXPECT_THAT(explain_namespaces({.mounts = EACCES}, proc, "/usr/share/hydravisor/apparmor/hydravisor").fix,
              HasSubstr("install -m 644 /usr/share/hydravisor/apparmor/hydravisor /etc/apparmor.d/hydravisor"));
  put("kernel/unprivileged_userns_clone", "0\n");
  EXPECT_THAT(explain_namespaces(refused, proc).fix, HasSubstr("kernel.unprivileged_userns_clone=1"));
  put("user/max_user_namespaces", "0\n");
  EXPECT_THAT(explain_namespaces({.user_namespace = ENOSPC}, proc).fix, HasSubstr("user.max_user_namespaces="));
}

TEST_F(Switches, AreNotBlamedWhenNamespacesWork) {
  put("kernel/apparmor_restrict_unprivileged_userns", "1\n");
  EXPECT_EQ(explain_namespaces({}, proc).what, "");
}

TEST_F(Switches, ThatAreAbsentLeaveTheContainerToBlame) {
  EXPECT_THAT(explain_namespaces({.user_namespace = EPERM}, proc).what, HasSubstr("container"));
}

TEST(Trial, OnAMachineThatRunsTheseTestsSucceeds) {
  NamespaceTrial trial = try_namespaces(::geteuid(), ::getegid());
  if (trial.user_namespace != 0) GTEST_SKIP() << "this machine forbids user namespaces";
  EXPECT_EQ(trial.id_map, 0);
  EXPECT_EQ(trial.mounts, 0);
  EXPECT_EQ(trial.fresh_proc, 0);
  EXPECT_EQ(trial.overlay, 0);
}

Machine modern() {
  Machine machine;
  machine.kernel = "6.18.0";
  machine.kernel_major = 6;
  machine.kernel_minor = 18;
  machine.landlock_abi = 7;
  machine.seccomp_notify = true;
  for (ControllerParent* parent :
       {&machine.cgroups.memory, &machine.cgroups.pids, &machine.cgroups.cpu, &machine.cgroups.freezer})
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
  machine.namespace_obstacle = "forbidden";
  machine.namespace_fix = "allow them";
  EXPECT_FALSE(report_machine(machine).usable);
  machine = modern();
  machine.namespaces.fresh_proc = EPERM;
  core::DoctorReport report = report_machine(machine);
  EXPECT_FALSE(report.usable);
  EXPECT_THAT(find(report, "proc").detail, HasSubstr("covered"));
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
  Machine machine = examine_machine({.cgroups = {.delegated = {}},
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
