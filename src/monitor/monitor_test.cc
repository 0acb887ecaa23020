#include "monitor/monitor.h"

#include <cerrno>
#include <csignal>
#include <functional>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolation/capabilities.h"
#include "isolation/native_architecture.h"
#include "isolation/seccomp_filter.h"
#include "isolation/seccomp_install.h"
#include "monitor/exec_follower.h"

namespace hv::monitor {
namespace {

base::Fd open_proc() {
  return base::Fd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// A child under the real filter, and the supervisor's side of it.
class Supervised {
 public:
  Supervised(const isolation::FilterPlan& plan, const std::function<int()>& body) {
    std::string program = isolation::build_filter(plan);
    auto pipe = base::make_pipe();
    pid_ = ::fork();
    if (pid_ == 0) {
      if (!isolation::set_no_new_privs()) ::_exit(97);
      auto listener = isolation::install_filter(program, true);
      int number = listener ? listener->get() : -1;
      if (::write(pipe->write_end.get(), &number, sizeof number) != sizeof number) ::_exit(98);
      ::_exit(body());
    }
    int number = -1;
    EXPECT_EQ(::read(pipe->read_end.get(), &number, sizeof number), static_cast<ssize_t>(sizeof number));
    base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    base::Fd fd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), number, 0)));
    EXPECT_TRUE(fd);
    listener_.emplace(*Listener::over(std::move(fd)));
  }
  // Answers until the child has ended; its exit code.
  int serve(const std::function<void(const Verdict&)>& seen = {}) {
    for (;;) {
      pollfd ready{.fd = listener_->fd(), .events = POLLIN, .revents = 0};
      ::poll(&ready, 1, 5000);
      if ((ready.revents & POLLIN) == 0) break;
      auto notification = listener_->receive();
      EXPECT_TRUE(notification);
      if (!notification || !*notification) continue;
      Verdict verdict = monitor_.examine(**notification);
      EXPECT_TRUE(listener_->waits((*notification)->id));
      if (seen) seen(verdict);
      EXPECT_TRUE(verdict.error == 0 ? listener_->let_continue((*notification)->id)
                                     : listener_->answer_error((*notification)->id, verdict.error));
    }
    int status = -1;
    ::waitpid(pid_, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  Listener& listener() { return *listener_; }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<Listener> listener_;
  Monitor monitor_{open_proc()};
};

int error_of(long result) {
  return result < 0 ? errno : 0;
}

TEST(Monitor, RecordsWhatAProcessRunsAndLetsItRun) {
  Supervised child({}, [] {
    if (::chdir("/usr") != 0) return 1;
    return ::execl("/bin/sh", "sh", "-c", "/bin/true; exit 7", nullptr), 2;
  });
  std::vector<ExecAttempt> seen;
  EXPECT_EQ(child.serve([&](const Verdict& verdict) { seen.push_back(std::get<ExecAttempt>(*verdict.record)); }), 7);
  ASSERT_EQ(seen.size(), 2);
  EXPECT_EQ(seen[0].path, "/bin/sh");
  EXPECT_EQ(seen[0].arguments, (std::vector<std::string>{"sh", "-c", "/bin/true; exit 7"}));
  EXPECT_EQ(seen[0].directory, "/usr");
  EXPECT_EQ(seen[0].pid, static_cast<uint32_t>(child.pid()));
  EXPECT_EQ(seen[0].parent, static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(seen[1].path, "/bin/true");
  EXPECT_EQ(seen[1].parent, static_cast<uint32_t>(child.pid()));
}

TEST(Monitor, NamesTheFileThatExecveatRunsByDescriptor) {
  Supervised child({}, [] {
    int fd = ::open("/bin/true", O_PATH | O_CLOEXEC);
    char name[] = "liar";
    char* argv[] = {name, nullptr};
    return ::syscall(SYS_execveat, fd, "", argv, nullptr, AT_EMPTY_PATH), 1;
  });
  std::vector<ExecAttempt> seen;
  EXPECT_EQ(child.serve([&](const Verdict& verdict) { seen.push_back(std::get<ExecAttempt>(*verdict.record)); }), 0);
  ASSERT_EQ(seen.size(), 1);
  EXPECT_THAT(seen[0].path, testing::EndsWith("/bin/true"));
  EXPECT_EQ(seen[0].arguments, std::vector<std::string>{"liar"});
}

TEST(Monitor, AnswersADeniedCallWithItsErrorAndRecordsIt) {
  Supervised child({}, [] { return error_of(::syscall(SYS_keyctl, 11, 12, 13)); });
  std::vector<DeniedCall> seen;
  EXPECT_EQ(child.serve([&](const Verdict& verdict) { seen.push_back(std::get<DeniedCall>(*verdict.record)); }), EPERM);
  ASSERT_EQ(seen.size(), 1);
  EXPECT_EQ(seen[0].number, SYS_keyctl);
  EXPECT_EQ(seen[0].arguments, (std::array<uint64_t, 3>{11, 12, 13}));
}

TEST(Monitor, RefusesWhatThePolicyDeniesByItsName) {
  Monitor monitor(open_proc(), {SYS_ptrace, SYS_unlinkat, SYS_mount});
  auto ask = [&](int number) {
    Notification notification;
    notification.pid = ::getpid();
    notification.number = number;
    notification.architecture = isolation::native_architecture;
    return monitor.examine(notification);
  };
  EXPECT_EQ(ask(SYS_ptrace).error, EPERM);
  EXPECT_EQ(to_event(*ask(SYS_ptrace).record).payload.at("call").as_string(), "ptrace");
  Verdict change = ask(SYS_unlinkat);
  EXPECT_EQ(change.error, EPERM) << "although files may change in a live workspace";
  EXPECT_FALSE(change.writes);
  EXPECT_TRUE(change.record);
  EXPECT_EQ(ask(SYS_mkdirat).error, 0);
}

TEST(Monitor, LetsANewNamespaceAppearNowhere) {
  Supervised child({}, [] { return error_of(::unshare(CLONE_NEWUSER)); });
  EXPECT_EQ(child.serve(), EPERM);
}

TEST(Monitor, SaysWhichFilesACallIsAboutToChange) {
  isolation::FilterPlan plan;
  plan.record_writes = true;
  Supervised child(plan, [] {
    if (::chdir("/tmp") != 0) return 1;
    ::open("hv-absent/file", O_WRONLY | O_CLOEXEC);
    ::open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    ::rename("hv-absent/a", "/hv-absent/b");
    return 0;
  });
  std::vector<std::string> paths;
  EXPECT_EQ(child.serve([&](const Verdict& verdict) {
    ASSERT_TRUE(verdict.writes);
    for (const std::string& path : verdict.writes->paths) paths.push_back(path);
  }),
            0);
  EXPECT_EQ(paths, (std::vector<std::string>{"/tmp/hv-absent/file", "/tmp/hv-absent/a", "/hv-absent/b"}));
}

TEST(Monitor, ReadsLinksAsTheProcessSeesThem) {
  Monitor monitor(open_proc());
  auto link = [&](const std::string& path) { return monitor.link_inside(::getpid(), path).value_or("(none)"); };
  std::string self = std::to_string(::getpid());
  base::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(link("/proc/self"), self);
  EXPECT_EQ(link("/proc/thread-self"), self + "/task/" + self);
  EXPECT_EQ(link("/proc/" + self + "/fd/" + std::to_string(null.get())), "/dev/null");
  EXPECT_EQ(link("/proc"), "(none)");
  EXPECT_EQ(link("/proc/self/cwd/x"), "(none)") << "whoever asks walks over links himself";
}

TEST(Monitor, DoesNotGuessAtAPathThatCannotBeRead) {
  Monitor monitor(open_proc());
  Notification notification{.id = 1,
                            .pid = ::getpid(),
                            .number = SYS_unlinkat,
                            .architecture = 0,
                            .arguments = {static_cast<uint64_t>(AT_FDCWD), 16}};
  notification.architecture = isolation::native_architecture;
  Verdict verdict = monitor.examine(notification);
  ASSERT_TRUE(verdict.writes);
  EXPECT_EQ(verdict.writes->paths, std::vector<std::string>{""});
}

TEST(Monitor, RefusesCallsOfAnotherArchitectureAndCallsItDoesNotKnow) {
  Monitor monitor(open_proc());
  Notification notification{
      .id = 1, .pid = ::getpid(), .number = SYS_execve, .architecture = AUDIT_ARCH_I386, .arguments = {}};
  Verdict verdict = monitor.examine(notification);
  EXPECT_EQ(verdict.error, ENOSYS);
  EXPECT_TRUE(std::get<DeniedCall>(*verdict.record).foreign);
  notification.architecture = isolation::native_architecture;
  notification.number = SYS_getpid;
  EXPECT_EQ(monitor.examine(notification).error, ENOSYS);
}

TEST(Monitor, RefusesSetIdBitsOnFilesOfALiveWorkspace) {
  Monitor monitor(open_proc());
  auto error_of = [&](int number, std::array<uint64_t, 6> arguments) {
    Notification notification;
    notification.pid = ::getpid();
    notification.number = number;
    notification.architecture = isolation::native_architecture;
    notification.arguments = arguments;
    return monitor.examine(notification).error;
  };
  EXPECT_EQ(error_of(SYS_fchmod, {3, 04755}), EPERM);
  EXPECT_EQ(error_of(SYS_fchmod, {3, 02755}), EPERM);
  EXPECT_EQ(error_of(SYS_fchmod, {3, 0755}), 0);
  EXPECT_EQ(error_of(SYS_fchmodat, {0, 0, 06755}), EPERM);
  EXPECT_EQ(error_of(SYS_openat, {0, 0, O_CREAT | O_WRONLY, 04755}), EPERM);
  EXPECT_EQ(error_of(SYS_openat, {0, 0, O_WRONLY, 04755}), 0) << "without O_CREAT the mode means nothing";
}

TEST(Monitor, RecordsAnExecWhoseMemoryIsNotThere) {
  Supervised child({}, [] { return error_of(::syscall(SYS_execve, 16, 32, 0)); });
  std::vector<ExecAttempt> seen;
  EXPECT_EQ(child.serve([&](const Verdict& verdict) { seen.push_back(std::get<ExecAttempt>(*verdict.record)); }),
            EFAULT);
  ASSERT_EQ(seen.size(), 1);
  EXPECT_TRUE(seen[0].unreadable);
}

TEST(Listener, FindsNothingToDoWhenTheCallerWasKilled) {
  Supervised child({}, [] { return error_of(::syscall(SYS_keyctl, 1)); });
  pollfd ready{.fd = child.listener().fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&ready, 1, 5000), 1);
  auto notification = child.listener().receive();
  ASSERT_TRUE(notification && *notification);
  ::kill(child.pid(), SIGKILL);
  int status = 0;
  ::waitpid(child.pid(), &status, 0);
  EXPECT_FALSE(child.listener().waits((*notification)->id));
  EXPECT_TRUE(child.listener().answer_error((*notification)->id, EPERM)) << "nobody waits for it: no failure";
}

TEST(ExecFollower, ShowsWhatTheKernelRunsAndForgetsWhoHasEnded) {
  Monitor monitor(open_proc());
  ExecFollower follower;
  follower.attempted(::getpid(), 0, base::MonotonicTime(0));
  follower.attempted(0x7fffffff, 0, base::MonotonicTime(0));
  EXPECT_EQ(follower.next_due(), ExecFollower::delay);
  EXPECT_TRUE(follower.take_due(monitor, ExecFollower::delay - std::chrono::nanoseconds(1)).empty());
  auto observed = follower.take_due(monitor, ExecFollower::delay);
  ASSERT_EQ(observed.size(), 1);
  EXPECT_THAT(observed[0].executable, testing::HasSubstr("monitor_test"));
  EXPECT_EQ(follower.next_due(), std::nullopt);
}

}  // namespace
}  // namespace hv::monitor
