#include "isolation/landlock.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/remove_tree.h"
#include "isolation/capabilities.h"
#include "isolation/in_child.h"

namespace hv::isolation {
namespace {

class LandlockTest : public testing::Test {
 protected:
  void SetUp() override {
    if (landlock_abi() < 2) GTEST_SKIP() << "this kernel has no Landlock ABI 2";
    char text[] = "/tmp/hv-landlock-XXXXXX";
    ASSERT_NE(::mkdtemp(text), nullptr);
    directory = text;
    for (const char* name : {"/open", "/closed"}) ASSERT_EQ(::mkdir((directory + name).c_str(), 0700), 0);
    ASSERT_TRUE(base::replace_file(directory + "/closed/file", "kept"));
  }
  void TearDown() override {
    if (!directory.empty()) ASSERT_TRUE(base::remove_tree(directory));
  }
  // 0 when the body runs confined; 99 when the rules could not be applied.
  int confined(const LandlockPlan& plan, const std::function<int()>& body) {
    return in_child([&] {
      if (!set_no_new_privs() || !apply_landlock(plan)) return 99;
      return body();
    });
  }
  static int error_of(int result) { return result < 0 ? errno : 0; }
  LandlockPlan open_only() {
    LandlockPlan plan;
    plan.writable = {directory + "/open", directory + "/absent"};
    return plan;
  }
  std::string directory;
};

TEST_F(LandlockTest, LetsWritesHappenOnlyBelowTheNamedDirectories) {
  auto create = [&](const char* name) {
    return error_of(::open((directory + name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  };
  EXPECT_EQ(confined(open_only(), [&] { return create("/open/new"); }), 0);
  EXPECT_EQ(confined(open_only(), [&] { return create("/closed/new"); }), EACCES);
  EXPECT_EQ(confined(open_only(), [&] { return error_of(::unlink((directory + "/closed/file").c_str())); }), EACCES);
  EXPECT_EQ(in_child([&] { return create("/closed/new"); }), 0) << "the control: nothing else stands in the way";
}

TEST_F(LandlockTest, LeavesReadingAndRunningAlone) {
  EXPECT_EQ(confined(open_only(),
                     [&] { return error_of(::open((directory + "/closed/file").c_str(), O_RDONLY | O_CLOEXEC)); }),
            0);
  EXPECT_EQ(confined(open_only(), [] { return ::execl("/bin/true", "true", nullptr), 1; }), 0);
}

TEST_F(LandlockTest, LetsOnlyTheNamedProgramsRun) {
  auto run = [](const char* program) { return ::execl(program, "true", nullptr), errno; };
  LandlockPlan plan = open_only();
  std::string copy = directory + "/open/true";
  ASSERT_TRUE(base::replace_file(copy, *base::read_file("/bin/true"), 0755));
  EXPECT_EQ(confined(plan, [&] { return run(copy.c_str()); }), 0) << "the control: everything runs by default";
  // A program that is linked dynamically is run by the loader.
  plan.executable = {"/bin/true", "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"};
  EXPECT_EQ(confined(plan, [&] { return run("/bin/true"); }), 0);
  EXPECT_EQ(confined(plan, [&] { return run("/bin/sh"); }), EACCES);
  EXPECT_EQ(confined(plan, [&] { return run(copy.c_str()); }), EACCES) << "nor a copy where it may write";
  EXPECT_EQ(confined(plan, [&] { return error_of(::open("/bin/sh", O_RDONLY | O_CLOEXEC)); }), 0);
}

TEST_F(LandlockTest, RefusesTruncationByName) {
  if (landlock_abi() < 3) GTEST_SKIP() << "needs ABI 3";
  auto cut = [&] { return error_of(::truncate((directory + "/closed/file").c_str(), 0)); };
  EXPECT_EQ(confined(open_only(), cut), EACCES);
  EXPECT_EQ(in_child(cut), 0);
}

TEST_F(LandlockTest, AllowsRenamesBetweenWritableDirectories) {
  EXPECT_EQ(confined(open_only(),
                     [&] {
                       std::string open = directory + "/open";
                       ::mkdir((open + "/a").c_str(), 0700);
                       ::mkdir((open + "/b").c_str(), 0700);
                       if (!base::replace_file(open + "/a/file", "x")) return 98;
                       return error_of(::rename((open + "/a/file").c_str(), (open + "/b/file").c_str()));
                     }),
            0);
}

TEST_F(LandlockTest, ScopesSignalsToTheSandboxItself) {
  if (landlock_abi() < 6) GTEST_SKIP() << "needs ABI 6";
  pid_t outside = ::getpid();
  EXPECT_EQ(confined(open_only(), [&] { return error_of(::kill(outside, 0)); }), EPERM);
  EXPECT_EQ(confined(open_only(), [&] { return error_of(::kill(::getpid(), 0)); }), 0);
  LandlockPlan unscoped = open_only();
  unscoped.scope_signals = false;
  EXPECT_EQ(confined(unscoped, [&] { return error_of(::kill(outside, 0)); }), 0);
}

TEST_F(LandlockTest, ScopesAbstractSocketsToTheSandboxItself) {
  if (landlock_abi() < 6) GTEST_SKIP() << "needs ABI 6";
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::string name = "hv-landlock-" + std::to_string(::getpid());
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  base::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  auto reach = [&] {
    return error_of(
        ::connect(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), reinterpret_cast<sockaddr*>(&address), length));
  };
  EXPECT_EQ(confined(open_only(), reach), EPERM);
  EXPECT_EQ(in_child(reach), 0);
}

TEST_F(LandlockTest, LeavesTheFileSystemAloneWhereNestedSandboxesAreAllowed) {
  LandlockPlan nested = open_only();
  nested.filesystem = false;
  EXPECT_EQ(confined(nested, [&] { return error_of(::unlink((directory + "/closed/file").c_str())); }), 0);
}

TEST(LandlockReport, SaysWhatAnOlderKernelLeavesOut) {
  LandlockPlan plan;
  plan.tcp = TcpPorts{};
  EXPECT_FALSE(foresee_landlock(plan, 0).anything());
  LandlockReport debian12 = foresee_landlock(plan, 2);
  EXPECT_TRUE(debian12.filesystem);
  EXPECT_FALSE(debian12.tcp);
  EXPECT_FALSE(debian12.signals);
  EXPECT_THAT(debian12.degradations, testing::Contains(testing::HasSubstr("truncate")));
  EXPECT_TRUE(foresee_landlock(plan, 6).degradations.empty());
  EXPECT_FALSE(foresee_landlock(plan, 1).filesystem) << "ABI 1 would refuse every rename between directories";
}

TEST(LandlockReport, NamesTheCostOfNestedSandboxes) {
  LandlockPlan plan;
  plan.filesystem = false;
  LandlockReport report = foresee_landlock(plan, 7);
  EXPECT_FALSE(report.filesystem);
  EXPECT_TRUE(report.signals);
  EXPECT_THAT(report.degradations, testing::ElementsAre(testing::HasSubstr("nested")));
}

}  // namespace
}  // namespace hv::isolation
