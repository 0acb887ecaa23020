#include "isolation/namespace_trial.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove_tree.h"

namespace hv::isolation {
namespace {

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

TEST_F(Switches, OfEachKindOfNamespaceAreNamed) {
  for (const char* kind : {"mnt", "pid", "net", "ipc", "uts"}) {
    std::string name = std::string("max_") + kind + "_namespaces";
    put("user/" + name, "0\n");
    EXPECT_EQ(explain_namespaces({.user_namespace = ENOSPC}, proc).what, "the limit user." + name + " is 0");
    put("user/" + name, "100\n");
  }
}

TEST_F(Switches, ThatForbidReadingMemoryAreNamed) {
  ASSERT_TRUE(base::make_directories(proc + "/sys/kernel/yama"));
  EXPECT_EQ(explain_memory({}, proc).what, "");
  EXPECT_THAT(explain_memory({.memory = EPERM}, proc).what, HasSubstr("container"));
  put("kernel/yama/ptrace_scope", "3\n");
  EXPECT_THAT(explain_memory({.memory = EPERM}, proc).fix, HasSubstr("kernel.yama.ptrace_scope=1"));
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
  EXPECT_EQ(trial.memory, 0);
}

}  // namespace
}  // namespace hv::isolation
