// One suite for every way in which the kernel tells of ends. The processes are a stranger's children, as in a sandbox.
#include "monitor/exit_source.h"

#include <algorithm>
#include <csignal>
#include <functional>
#include <map>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/connector_exits.h"
#include "monitor/pidfd_exits.h"

namespace hv::monitor {
namespace {

struct Way {
  const char* name;
  ExitMeans means;
  base::Result<std::unique_ptr<ExitSource>> (*create)();
};

// Names of tests are made of it.
void PrintTo(const Way& way, std::ostream* out) {
  *out << way.name;
}

void* exit_with_three(void*) {
  ::usleep(50'000);
  ::syscall(SYS_exit_group, 3);
  return nullptr;
}

void* wait_for_ever(void*) {
  for (;;) ::pause();
}

class ExitSourceTest : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    auto source = GetParam().create();
    if (!source) {
      // Where the kernel has it and we may have it, not to get it is a failure.
      ASSERT_FALSE(::geteuid() == 0 && GetParam().means == ExitMeans::connector && ::getenv("CI") != nullptr)
          << source.error().message();
      GTEST_SKIP() << source.error().message();
    }
    source_ = *std::move(source);
    ExitMeans here = try_exit_means();
    if (GetParam().means == ExitMeans::descriptors && here != ExitMeans::descriptors)
      GTEST_SKIP() << "this kernel does not tell by descriptors";
  }
  void TearDown() override {
    for (const base::Fd& child : children_) ::syscall(SYS_pidfd_send_signal, child.get(), SIGKILL, nullptr, 0);
    for (pid_t parent : parents_) {
      ::kill(parent, SIGKILL);
      ::waitpid(parent, nullptr, 0);
    }
  }

  // A process whose parent, not we, reaps it, follows it, and lets it go on.
  pid_t start(const std::function<void()>& body) {
    int number[2];
    int go[2];
    EXPECT_EQ(::pipe(number) + ::pipe(go), 0);
    pid_t parent = ::fork();
    if (parent == 0) {
      pid_t child = ::fork();
      if (child == 0) {
        char byte = 0;
        if (::read(go[0], &byte, 1) == 1) body();
        ::_exit(99);
      }
      if (::write(number[1], &child, sizeof child) != sizeof child) ::_exit(1);
      ::waitpid(child, nullptr, 0);
      for (;;) ::pause();
    }
    parents_.push_back(parent);
    pid_t child = 0;
    EXPECT_EQ(::read(number[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
    if (auto opened = open_process(child)) children_.push_back(std::move(opened->descriptor));
    auto followed = source_->follow(child);
    EXPECT_TRUE(followed) << followed.error().message();
    EXPECT_EQ(followed.value_or(0), child);
    EXPECT_EQ(::write(go[1], "x", 1), 1);
    for (int end : {number[0], number[1], go[0], go[1]}) ::close(end);
    return child;
  }
  // What has ended after at most some seconds, when it is as many as that.
  std::map<pid_t, std::optional<int>> wait_for(size_t count) {
    std::map<pid_t, std::optional<int>> ended;
    for (int i = 0; i < 500 && ended.size() < count; ++i) {
      pollfd ready{source_->fd(), POLLIN, 0};
      ::poll(&ready, 1, 10);
      for (const ProcessEnd& end : source_->take()) {
        EXPECT_FALSE(ended.contains(end.pid));
        ended[end.pid] = end.wait_status;
      }
    }
    return ended;
  }

  std::unique_ptr<ExitSource> source_;
  std::vector<pid_t> parents_;
  std::vector<base::Fd> children_;
};

TEST_P(ExitSourceTest, TellsTheStatusOfAStrangersChild) {
  pid_t good = start([] { ::_exit(0); });
  pid_t failed = start([] { ::_exit(42); });
  pid_t killed = start([] { ::kill(::getpid(), SIGKILL); });
  EXPECT_EQ(source_->followed(), 3u);
  auto ended = wait_for(3);
  ASSERT_EQ(ended.size(), 3u);
  EXPECT_EQ(ended[good], std::optional<int>(0));
  EXPECT_EQ(ended[failed], std::optional<int>(42 << 8));
  ASSERT_TRUE(ended[killed]);
  EXPECT_EQ(WTERMSIG(*ended[killed]), SIGKILL);
  EXPECT_EQ(source_->followed(), 0u);
}

TEST_P(ExitSourceTest, SaysNothingOfWhatGoesOn) {
  start([] { ::pause(); });
  EXPECT_TRUE(source_->take().empty());
  pollfd ready{source_->fd(), POLLIN, 0};
  // The connector wakes for others on the machine, and then has nothing.
  if (::poll(&ready, 1, 50) == 1) EXPECT_TRUE(source_->take().empty());
  EXPECT_EQ(source_->followed(), 1u);
}

TEST_P(ExitSourceTest, ExitOfAThreadIsNotTheProcesss) {
  pid_t process = start([] {
    pthread_t thread;
    ::pthread_create(&thread, nullptr, wait_for_ever, nullptr);
    ::usleep(20'000);
    ::syscall(SYS_exit_group, 5);
  });
  auto ended = wait_for(1);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[process], std::optional<int>(5 << 8));
}

// The first thread goes, another ends the process with a status of its own: never that of the first.
TEST_P(ExitSourceTest, OfAFirstThreadThatGoesFirstNothingWrongIsSaid) {
  pid_t process = start([] {
    pthread_t thread;
    ::pthread_create(&thread, nullptr, exit_with_three, nullptr);
    ::syscall(SYS_exit, 0);
  });
  auto ended = wait_for(1);
  ASSERT_EQ(ended.size(), 1u);
  if (GetParam().means == ExitMeans::descriptors)
    EXPECT_EQ(ended[process], std::optional<int>(3 << 8));
  else
    EXPECT_EQ(ended[process], std::nullopt);
}

TEST_P(ExitSourceTest, ThousandsInARowAreAllTold) {
  constexpr int kRounds = 20;
  constexpr int kEach = 50;
  size_t told = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::map<pid_t, int> expected;
    for (int i = 0; i < kEach; ++i) {
      int code = (round * kEach + i) % 256;
      expected[start([code] { ::_exit(code); })] = code << 8;
    }
    auto ended = wait_for(kEach);
    ASSERT_EQ(ended.size(), expected.size());
    TearDown();
    parents_.clear();
    children_.clear();
    for (const auto& [pid, status] : expected) told += ended[pid] == std::optional<int>(status) ? 1 : 0;
  }
  EXPECT_EQ(told, static_cast<size_t>(kRounds * kEach));
}

// As when the sandbox is gone: nobody comes back for what is told later.
TEST_P(ExitSourceTest, TheLastLookTellsAllThatHasEnded) {
  std::map<pid_t, int> expected;
  for (int code = 0; code < 20; ++code) expected[start([code] { ::_exit(code); })] = code << 8;
  pid_t lives = start([] { ::pause(); });
  for (const auto& [pid, status] : expected) {
    // Until it is reaped.
    for (int i = 0; i < 1000 && ::kill(pid, 0) == 0; ++i) ::usleep(1000);
  }
  std::map<pid_t, std::optional<int>> told;
  for (const ProcessEnd& end : source_->take_last()) told[end.pid] = end.wait_status;
  EXPECT_EQ(told.size(), expected.size());
  for (const auto& [pid, status] : expected) EXPECT_EQ(told[pid], std::optional<int>(status)) << pid;
  EXPECT_FALSE(told.contains(lives));
  EXPECT_EQ(source_->followed(), 1u);
}

TEST_P(ExitSourceTest, AThreadStandsForItsProcess) {
  pid_t thread = 0;
  std::thread other([&] {
    thread = static_cast<pid_t>(::syscall(SYS_gettid));
    auto followed = source_->follow(thread);
    ASSERT_TRUE(followed) << followed.error().message();
    EXPECT_EQ(*followed, ::getpid());
  });
  other.join();
  EXPECT_NE(thread, ::getpid());
}

TEST_P(ExitSourceTest, WhatIsGoneCannotBeFollowed) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  auto followed = source_->follow(child);
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().os_error(), ESRCH);
  EXPECT_EQ(source_->followed(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Ways, ExitSourceTest,
                         ::testing::Values(Way{"descriptors", ExitMeans::descriptors, &PidfdExits::create},
                                           Way{"connector", ExitMeans::connector, &ConnectorExits::create}),
                         [](const auto& way) { return std::string(way.param.name); });

// Only the reaping brings the status; until then it is not known, and not made up.
TEST(PidfdExits, OfWhatNobodyHasReapedNothingIsTold) {
  auto source = PidfdExits::create();
  ASSERT_TRUE(source);
  pid_t child = ::fork();
  if (child == 0) ::_exit(4);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  ASSERT_TRUE((*source)->follow(child));
  EXPECT_TRUE((*source)->take().empty());
  ::waitpid(child, nullptr, 0);
  if (try_exit_means() != ExitMeans::descriptors) GTEST_SKIP() << "this kernel does not tell by descriptors";
  auto ended = (*source)->take();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].wait_status, std::optional<int>(4 << 8));
}

}  // namespace
}  // namespace hv::monitor
