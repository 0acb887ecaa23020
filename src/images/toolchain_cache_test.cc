#include "images/toolchain_cache.h"

#include <ctime>

#include <gtest/gtest.h>

#include "images/fake_host_test.h"

namespace hv::images {
namespace {

class ToolchainCacheTest : public FakeHost, public testing::Test {
 protected:
  ToolchainCacheTest() {
    program("home/ada/.local/bin/agent");
    set("PATH", home_ + "/.local/bin:/usr/bin:/bin");
    wait();
  }
  // Until what was just changed counts as settled.
  static void wait() {
    timespec time{0, 60'000'000};
    ::nanosleep(&time, nullptr);
  }
  FoundTools find(const std::string& command) {
    return cache_.find(host_, command, "", system_directories(host_), home_);
  }
  // What a search without a cache finds.
  std::vector<core::Mount> anew(const std::string& command) {
    Binder binder(system_directories(host_), home_);
    find_toolchain(host_, command, "", binder);
    return binder.mounts();
  }
  ToolchainCache cache_;
};

TEST_F(ToolchainCacheTest, AnswersTheSameCommandFromMemory) {
  FoundTools first = find("agent");
  FoundTools second = find("agent");
  EXPECT_EQ(cache_.hits(), 1u);
  EXPECT_EQ(second.toolchain.program, home_ + "/.local/bin/agent");
  EXPECT_EQ(second.binder.mounts(), first.binder.mounts());
  EXPECT_EQ(second.binder.mounts(), anew("agent"));
}

TEST_F(ToolchainCacheTest, LooksAgainWhenAProgramCameEarlierInPath) {
  set("PATH", home_ + "/early:" + home_ + "/.local/bin");
  std::filesystem::create_directories(home_ + "/early");
  wait();
  find("agent");
  program("home/ada/early/agent");
  EXPECT_EQ(find("agent").toolchain.program, home_ + "/early/agent");
  EXPECT_EQ(cache_.hits(), 0u);
}

TEST_F(ToolchainCacheTest, LooksAgainWhenTheProgramGotAnotherInterpreter) {
  program("home/ada/tools/bin/runner");
  set("PATH", home_ + "/.local/bin:" + home_ + "/tools/bin:/usr/bin:/bin");
  wait();
  find("agent");
  program("home/ada/.local/bin/agent", "#!" + home_ + "/tools/bin/runner\n");
  EXPECT_EQ(find("agent").binder.mounts(), anew("agent"));
  EXPECT_EQ(cache_.hits(), 0u);
}

TEST_F(ToolchainCacheTest, AnotherEnvironmentIsAnotherQuestion) {
  find("agent");
  set("JAVA_HOME", "/opt/java");
  find("agent");
  set("TERM", "vt100");
  find("agent");
  EXPECT_EQ(cache_.hits(), 1u) << "only the terminal's name changed the second time";
}

TEST_F(ToolchainCacheTest, DoesNotKeepWhatMayJustBeChanging) {
  program("home/ada/.local/bin/agent", "new");
  find("agent");
  find("agent");
  EXPECT_EQ(cache_.hits(), 0u);
}

}  // namespace
}  // namespace hv::images
