#include "monitor/exec_follower.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hv::monitor {
namespace {

using namespace std::chrono_literals;

// A process that runs /bin/sleep once it is told to.
class ExecFollowerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::pipe2(pipe_, O_CLOEXEC), 0);
    child_ = ::fork();
    if (child_ == 0) {
      char byte = 0;
      if (::read(pipe_[0], &byte, 1) == 1) ::execl("/bin/sleep", "sleep", "100", nullptr);
      ::_exit(1);
    }
  }
  void TearDown() override {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  void let_it_run() {
    ASSERT_EQ(::write(pipe_[1], "x", 1), 1);
    for (int i = 0; i < 1000 && !monitor_.executable_of(child_).ends_with("/sleep"); ++i) ::usleep(10'000);
  }

  int pipe_[2] = {-1, -1};
  pid_t child_ = -1;
  Monitor monitor_{std::move(base::open_file("/proc", O_PATH | O_DIRECTORY).value())};
  base::MonotonicTime began_{1h};
};

TEST_F(ExecFollowerTest, WaitsUntilTheProgramIsAnother) {
  ExecFollower follower;
  uint64_t image = monitor_.image_of(child_);
  ASSERT_NE(image, 0u);
  follower.attempted(child_, image, began_);
  EXPECT_EQ(follower.next_due(), began_ + 2ms);
  EXPECT_TRUE(follower.take_due(monitor_, began_ + 3ms).empty());
  EXPECT_EQ(follower.next_due(), began_ + 4ms);
  let_it_run();
  auto observed = follower.take_due(monitor_, began_ + 4ms);
  ASSERT_EQ(observed.size(), 1u);
  EXPECT_EQ(observed[0].pid, static_cast<uint32_t>(child_));
  EXPECT_TRUE(observed[0].executable.ends_with("/sleep"));
  EXPECT_FALSE(follower.next_due());
}

TEST_F(ExecFollowerTest, ARequestThatFailedIsNotSaidToRun) {
  ExecFollower follower;
  follower.attempted(child_, monitor_.image_of(child_), began_);
  EXPECT_TRUE(follower.take_due(monitor_, began_ + 10s).empty());
  EXPECT_FALSE(follower.next_due());
  // Where it cannot be told, what runs is said all the same.
  follower.attempted(child_, 0, began_);
  EXPECT_EQ(follower.take_due(monitor_, began_ + 10s).size(), 1u);
}

TEST_F(ExecFollowerTest, WhatHasEndedIsGivenUp) {
  ExecFollower follower;
  follower.attempted(child_, monitor_.image_of(child_), began_);
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  EXPECT_TRUE(follower.take_due(monitor_, began_ + 2ms).empty());
  EXPECT_FALSE(follower.next_due());
}

}  // namespace
}  // namespace hv::monitor
