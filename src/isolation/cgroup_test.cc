#include "isolation/cgroup.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove_tree.h"
#include "isolation/cgroup_meter.h"

namespace hv::isolation {
namespace {

using testing::HasSubstr;

// A cgroup file system made of ordinary files.
class CgroupLayoutTest : public testing::Test {
 protected:
  void SetUp() override {
    char text[] = "/tmp/hv-cgroup-XXXXXX";
    ASSERT_NE(::mkdtemp(text), nullptr);
    directory = text;
    sources = {.mountinfo = directory + "/mountinfo", .own_cgroups = directory + "/own", .uid = 1000, .scope = {}};
  }
  void TearDown() override { ASSERT_TRUE(base::remove_tree(directory)); }
  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(base::replace_file(directory + "/" + name, text, 0644));
  }
  void make(const std::string& name) { ASSERT_TRUE(base::make_directories(directory + "/" + name, 0755)); }
  std::string mount(const std::string& at, const std::string& type, const std::string& options,
                    const std::string& root = "/") {
    return "30 20 0:26 " + root + " " + directory + at + " rw,nosuid - " + type + " cgroup rw," + options + "\n";
  }
  std::string directory;
  CgroupSources sources;
};

TEST_F(CgroupLayoutTest, OfVersionOneFindsTheUsersDirectoryOfEachController) {
  put("mountinfo",
      mount("/memory", "cgroup", "memory") + mount("/pids", "cgroup", "pids") + mount("/cpu", "cgroup", "cpu,cpuacct"));
  put("own", "5:memory:/\n4:pids:/session\n3:cpu,cpuacct:/\n");
  make("memory/hv-user");
  make("pids/session");
  CgroupLayout layout = find_cgroup_parents(sources);
  EXPECT_EQ(layout.memory.path, directory + "/memory/hv-user");
  EXPECT_EQ(layout.pids.path, directory + "/pids/session") << "the own cgroup, as there is no hv-user";
  EXPECT_EQ(layout.cpu.path, "") << "there is neither";
  EXPECT_THAT(layout.cpu.reason, HasSubstr("mkdir"));
  EXPECT_THAT(layout.freezer.reason, HasSubstr("no cgroup hierarchy"));
}

TEST_F(CgroupLayoutTest, OfRootIsOneDirectoryAtTheTop) {
  put("mountinfo", mount("/memory", "cgroup", "memory"));
  put("own", "5:memory:/some/where\n");
  make("memory");
  sources.uid = 0;
  EXPECT_EQ(find_cgroup_parents(sources).memory.path, directory + "/memory/hydravisor");
}

TEST_F(CgroupLayoutTest, StripsTheRootOfAContainersMount) {
  put("mountinfo", mount("/memory", "cgroup", "memory", "/docker/abc"));
  put("own", "5:memory:/docker/abc/inner\n");
  make("memory/inner");
  EXPECT_EQ(find_cgroup_parents(sources).memory.path, directory + "/memory/inner");
}

TEST_F(CgroupLayoutTest, OfSystemdIsTheSliceOfAScopeWithWhatReachedIt) {
  put("mountinfo", mount("/unified", "cgroup2", "nsdelegate"));
  put("own", "0::/user.slice/session-1.scope\n");
  make("unified/hydravisor.slice/first.scope");
  put("unified/hydravisor.slice/first.scope/cgroup.controllers", "cpu memory pids\n");
  sources.scope = directory + "/unified/hydravisor.slice/first.scope";
  CgroupLayout layout = find_cgroup_parents(sources);
  EXPECT_TRUE(layout.scoped);
  for (const ControllerParent* parent : {&layout.memory, &layout.pids, &layout.cpu, &layout.freezer, &layout.cpuacct})
    EXPECT_EQ(parent->path, directory + "/unified/hydravisor.slice") << parent->reason;
  EXPECT_EQ(layout.io.path, "");
  EXPECT_THAT(layout.io.reason, HasSubstr("Delegate=cpu io memory pids"));
}

TEST_F(CgroupLayoutTest, OfSystemdIsLeftWhereVersionOneHasTheControllers) {
  put("mountinfo", mount("/memory", "cgroup", "memory") + mount("/unified", "cgroup2", "nsdelegate"));
  put("own", "5:memory:/\n0::/\n");
  make("memory/hv-user");
  sources.scope = directory + "/unified/first.scope";
  CgroupLayout layout = find_cgroup_parents(sources);
  EXPECT_FALSE(layout.scoped);
  EXPECT_EQ(layout.memory.path, directory + "/memory/hv-user");
}

TEST(CgroupPlanTest, OfSystemdHasItsDirectoryOnceThereIsAScope) {
  CgroupLayout layout;
  layout.scoped = true;
  layout.memory = {.path = "/slice", .reason = {}, .unified = true};
  CgroupPlan plan = plan_cgroups(layout, "s1", {.memory_bytes = 1, .pids = 0, .cpu_millis = 0});
  EXPECT_TRUE(plan.scoped);
  EXPECT_EQ(plan.directories, std::vector<std::string>{});
  EXPECT_EQ(plan.enforced, std::vector<std::string>{"memory"});
  lie_in(plan, "/slice/hydravisor-x.scope", "s1");
  EXPECT_EQ(plan.directories, std::vector<std::string>{"/slice/hydravisor-x.scope/s1"});
}

TEST_F(CgroupLayoutTest, OfVersionTwoWithoutDelegationSaysWhatToDo) {
  put("mountinfo", mount("/unified", "cgroup2", "nsdelegate"));
  put("own", "0::/user.slice\n");
  make("unified");
  sources.systemd = directory;
  EXPECT_THAT(find_cgroup_parents(sources).memory.reason, HasSubstr("loginctl enable-linger 1000"));
  sources.systemd = directory + "/absent";
  EXPECT_THAT(find_cgroup_parents(sources).memory.reason, HasSubstr("delegated"));
}

TEST_F(CgroupLayoutTest, OfVersionTwoFindsTheNearestCgroupAboveThatIsOurs) {
  put("mountinfo", mount("/unified", "cgroup2", "nsdelegate"));
  put("own", "0::/user.slice/user@1000.service/app.slice/terminal.scope\n");
  make("unified/user.slice/user@1000.service/app.slice/terminal.scope");
  put("unified/user.slice/user@1000.service/app.slice/cgroup.subtree_control", "memory pids\n");
  CgroupLayout layout = find_cgroup_parents(sources);
  EXPECT_EQ(layout.memory.path, directory + "/unified/user.slice/user@1000.service/app.slice");
  EXPECT_EQ(layout.freezer.path, layout.memory.path) << "a process is in one cgroup of version 2 only";
  EXPECT_EQ(layout.cpu.path, "");
  EXPECT_THAT(layout.cpu.reason, HasSubstr("app.slice"));
}

TEST_F(CgroupLayoutTest, OfAHybridTakesEachControllerFromWhereItIs) {
  put("mountinfo", mount("/memory", "cgroup", "memory") + mount("/unified", "cgroup2", ""));
  put("own", "5:memory:/\n0::/\n");
  make("memory/hv-user");
  make("unified/hv-user");
  put("unified/hv-user/cgroup.subtree_control", "pids\n");
  CgroupLayout layout = find_cgroup_parents(sources);
  EXPECT_EQ(layout.memory.path, directory + "/memory/hv-user");
  EXPECT_EQ(layout.pids.path, directory + "/unified/hv-user");
}

TEST(CgroupPlanTest, PutsALimitThatCannotHoldAsideWithItsReason) {
  CgroupLayout layout;
  layout.memory.path = "/m";
  layout.pids.reason = "read-only";
  CgroupPlan plan = plan_cgroups(layout, "s1", {.memory_bytes = 1, .pids = 1, .cpu_millis = 0});
  EXPECT_EQ(plan.directories, std::vector<std::string>{"/m/s1"});
  EXPECT_EQ(plan.enforced, std::vector<std::string>{"memory"});
  ASSERT_EQ(plan.not_enforced.size(), 1);
  EXPECT_EQ(plan.not_enforced[0].limit, "pids");
  EXPECT_EQ(plan.not_enforced[0].reason, "read-only");
}

TEST(CgroupPlanTest, MakesOneDirectoryWhereControllersLieTogether) {
  CgroupLayout layout;
  layout.memory.path = layout.pids.path = layout.cpu.path = layout.freezer.path = "/u";
  EXPECT_EQ(plan_cgroups(layout, "s1", {.memory_bytes = 1, .pids = 1, .cpu_millis = 1}).directories.size(), 1);
}

TEST(CgroupPlanTest, GivesEachSandboxItsOwnShareOfTheProcessorsWithoutALimitToo) {
  CgroupLayout layout;
  layout.memory.path = "/m";
  layout.cpu.path = "/c";
  CgroupPlan plan = plan_cgroups(layout, "s1", {.memory_bytes = 1, .pids = 0, .cpu_millis = 0});
  EXPECT_EQ(plan.directories, (std::vector<std::string>{"/m/s1", "/c/s1"}));
  EXPECT_TRUE(plan.can_throttle);
  EXPECT_EQ(plan.enforced, std::vector<std::string>{"memory"}) << "nothing was asked of it";
}

// The kernel's own, where this user may make them.
class CgroupKernel : public testing::Test {
 protected:
  void SetUp() override {
    CgroupLayout layout = find_cgroup_parents({.uid = ::geteuid(), .scope = {}});
    if (layout.memory.path.empty()) GTEST_SKIP() << layout.memory.reason;
    if (layout.pids.path.empty()) GTEST_SKIP() << layout.pids.reason;
    plan = plan_cgroups(layout, "hv-test-" + std::to_string(::getpid()), limits);
    auto made = create_cgroups(plan, limits);
    ASSERT_TRUE(made) << made.error().text();
    cgroup.emplace(plan.directories);
  }
  void TearDown() override {
    if (!cgroup) return;
    EXPECT_TRUE(cgroup->kill_all());
    while (::waitpid(-1, nullptr, 0) > 0) continue;
    auto removed = cgroup->remove(std::chrono::seconds(5));
    EXPECT_TRUE(removed) << removed.error().text();
    for (const std::string& directory : plan.directories) EXPECT_FALSE(base::path_exists(directory));
  }
  // A child that joins and runs `body`.
  pid_t start(const std::function<int()>& body) {
    auto entry = cgroup->entry();
    EXPECT_TRUE(entry);
    pid_t pid = ::fork();
    if (pid == 0) ::_exit(join_cgroups(*entry) ? body() : 99);
    return pid;
  }
  static int code_of(pid_t pid) {
    int status = -1;
    ::waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  core::Limits limits{.memory_bytes = 32 << 20, .pids = 5, .cpu_millis = 0};
  CgroupPlan plan;
  std::optional<Cgroup> cgroup;
};

TEST_F(CgroupKernel, StopsAForkBombAtTheLimit) {
  pid_t child = start([] {
    int forked = 0;
    for (int i = 0; i < 20; ++i) {
      pid_t pid = ::fork();
      if (pid == 0) ::pause();
      if (pid > 0) ++forked;
    }
    return forked;
  });
  EXPECT_EQ(code_of(child), 4) << "the child itself is the fifth";
}

TEST_F(CgroupKernel, KillsWhoTakesMoreMemoryThanTheLimitAndCountsIt) {
  pid_t child = start([] {
    size_t size = size_t{128} << 20;
    volatile char* memory = static_cast<char*>(::malloc(size));
    for (size_t i = 0; i < size; i += 4096) memory[i] = 1;
    return 0;
  });
  EXPECT_EQ(code_of(child), 128 + SIGKILL);
  CgroupUsage usage = CgroupMeter(cgroup->directories()).read();
  EXPECT_GE(usage.oom_kills, 1);
  EXPECT_GT(usage.memory_peak, uint64_t{24} << 20);
}

TEST_F(CgroupKernel, FreezesThawsAndKillsWhatIsFrozen) {
  pid_t child = start([] {
    for (;;) ::usleep(1000);
    return 0;
  });
  auto frozen = cgroup->freeze();
  if (!frozen && frozen.error().code() == base::ErrorCode::unsupported) GTEST_SKIP() << frozen.error().text();
  ASSERT_TRUE(frozen);
  for (int i = 0; i < 1000 && !*cgroup->frozen(); ++i) ::usleep(1000);
  EXPECT_TRUE(*cgroup->frozen());
  ASSERT_TRUE(cgroup->thaw());
  for (int i = 0; i < 1000 && *cgroup->frozen(); ++i) ::usleep(1000);
  EXPECT_FALSE(*cgroup->frozen());
  ASSERT_TRUE(cgroup->freeze());
  // Whether the child had joined before the freeze does not matter: it must be gone after.
  EXPECT_TRUE(cgroup->kill_all());
  ::kill(child, SIGKILL);
  EXPECT_EQ(code_of(child), 128 + SIGKILL);
}

TEST_F(CgroupKernel, RemovalWaitsForNobodyForEver) {
  auto joined = base::make_pipe();
  pid_t child = start([&] {
    if (::write(joined->write_end.get(), "j", 1) != 1) return 1;
    ::pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(::read(joined->read_end.get(), &byte, 1), 1);
  EXPECT_EQ(CgroupMeter(cgroup->directories()).read().pids, 1);
  auto removed = cgroup->remove(std::chrono::milliseconds(5));
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), base::ErrorCode::unavailable);
  ::kill(child, SIGKILL);
  code_of(child);
}

}  // namespace
}  // namespace hv::isolation
