#include "isolation/seccomp_filter.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "isolation/capabilities.h"
#include "isolation/denied_calls.h"
#include "isolation/in_child.h"
#include "isolation/native_architecture.h"
#include "isolation/run_filter_test.h"
#include "isolation/seccomp_install.h"

namespace hv::isolation {
namespace {

uint32_t ask(const FilterPlan& plan, int number, std::array<uint64_t, 3> arguments = {},
             uint32_t architecture = native_architecture) {
  seccomp_data data{};
  data.nr = number;
  data.arch = architecture;
  for (size_t i = 0; i < arguments.size(); ++i) data.args[i] = arguments[i];
  return run_filter(build_filter(plan), data);
}

const FilterPlan listened{};
const FilterPlan alone{.notify = false};
FilterPlan nested() {
  FilterPlan plan;
  plan.allow_nested = true;
  return plan;
}
constexpr uint32_t allow = SECCOMP_RET_ALLOW;
constexpr uint32_t notify = SECCOMP_RET_USER_NOTIF;
constexpr uint32_t fail(int error) {
  return SECCOMP_RET_ERRNO | static_cast<uint32_t>(error);
}

TEST(Filter, TreatsEveryNumberAsTheTableSays) {
  for (int number = 0; number <= call::newest_known; ++number) {
    const DeniedCall* entry = find_denied_call(number);
    bool exec = number == SYS_execve || number == SYS_execveat;
    uint32_t expected = exec ? notify : allow;
    if (entry != nullptr) {
      if (entry->rule == DenialRule::always || entry->rule == DenialRule::unless_nested) expected = notify;
      if (entry->rule == DenialRule::quiet) expected = fail(entry->error);
      if (entry->rule == DenialRule::execution_domain || entry->rule == DenialRule::socket_family ||
          entry->rule == DenialRule::local_sockets)
        continue;
    }
    EXPECT_EQ(ask(listened, number), expected) << number;
  }
}

TEST(Filter, RefusesByItselfWhereNobodyListens) {
  for (const DeniedCall& entry : denied_calls)
    if (entry.rule == DenialRule::always) EXPECT_EQ(ask(alone, entry.number), fail(entry.error)) << entry.name;
  EXPECT_EQ(ask(alone, SYS_execve), allow);
}

TEST(Filter, KeepsForeignCallsFromRunning) {
  EXPECT_EQ(ask(listened, 0, {}, AUDIT_ARCH_I386), notify);
  EXPECT_EQ(ask(alone, 0, {}, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS);
#ifdef __x86_64__
  EXPECT_EQ(ask(listened, 0x40000000), notify);
  EXPECT_EQ(ask(alone, 0x40000001), SECCOMP_RET_KILL_PROCESS);
#endif
}

TEST(Filter, AnswersCallsNewerThanTheTableAsAnOldKernelWould) {
  EXPECT_EQ(ask(listened, call::newest_known + 1), fail(ENOSYS));
}

TEST(Filter, TellsNewNamespacesFromNewThreads) {
  constexpr uint64_t thread =
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS;
  EXPECT_EQ(ask(listened, SYS_clone, {thread}), allow);
  EXPECT_EQ(ask(listened, SYS_clone, {SIGCHLD}), allow);
  for (uint64_t flag :
       {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
    EXPECT_EQ(ask(listened, SYS_clone, {flag | SIGCHLD}), notify) << flag;
    EXPECT_EQ(ask(listened, SYS_unshare, {flag}), notify) << flag;
    EXPECT_EQ(ask(nested(), SYS_clone, {flag}), allow) << flag;
  }
  EXPECT_EQ(ask(listened, SYS_unshare, {CLONE_NEWTIME}), notify);
  EXPECT_EQ(ask(listened, SYS_unshare, {CLONE_FILES}), allow);
}

TEST(Filter, LetsNestedSandboxesMountButNotJoinNamespaces) {
  for (int number : {SYS_mount, SYS_umount2, SYS_pivot_root, SYS_unshare})
    EXPECT_EQ(ask(nested(), number), allow) << number;
  for (int number : {SYS_setns, SYS_fsopen, SYS_bpf}) EXPECT_EQ(ask(nested(), number), notify) << number;
}

TEST(Filter, AllowsOnlyOrdinarySocketFamilies) {
  auto socket = [](uint64_t family, uint64_t type, uint64_t protocol) {
    return ask(listened, SYS_socket, {family, type, protocol});
  };
  EXPECT_EQ(socket(AF_UNIX, SOCK_DGRAM, 0), allow);
  EXPECT_EQ(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 6), allow);
  EXPECT_EQ(socket(AF_INET6, SOCK_DGRAM, 17), allow);
  EXPECT_EQ(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), allow);
  EXPECT_EQ(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1), notify);
  EXPECT_EQ(socket(AF_INET6, SOCK_RAW, 58), notify);
  EXPECT_EQ(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), notify);
  EXPECT_EQ(socket(AF_INET, SOCK_STREAM, 0), allow);
  EXPECT_EQ(socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0), allow);
  for (uint64_t family : {AF_INET, AF_INET6}) {
    for (uint64_t protocol : {1, 33, 58, 132, 136, 262, 255}) {
      EXPECT_EQ(socket(family, SOCK_STREAM, protocol), notify) << protocol;
      EXPECT_EQ(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol), notify) << protocol;
    }
    for (int type : {int{SOCK_SEQPACKET}, int{SOCK_RDM}, int{SOCK_DCCP}, int{SOCK_PACKET}, 0})
      EXPECT_EQ(socket(family, static_cast<uint64_t>(type), 0), notify) << type;
    EXPECT_EQ(socket(family, SOCK_STREAM, 0x700000000 | IPPROTO_MPTCP), notify) << "the low half counts";
  }
  for (uint64_t family : {AF_PACKET, AF_VSOCK, AF_ALG, AF_BLUETOOTH, AF_CAN, AF_TIPC, AF_XDP, 0, 28})
    EXPECT_EQ(socket(family, SOCK_DGRAM, 0), notify) << family;
  EXPECT_EQ(socket(0x100000000 | AF_PACKET, SOCK_RAW, 0), notify)
      << "the kernel looks at the low half only, and so must we";
}

TEST(Filter, AllowsOnlyLocalPairsOfSockets) {
  EXPECT_EQ(ask(listened, SYS_socketpair, {AF_UNIX, SOCK_STREAM}), allow);
  for (uint64_t family : {AF_INET, AF_TIPC, AF_VSOCK, AF_QIPCRTR, 0})
    EXPECT_EQ(ask(listened, SYS_socketpair, {family, SOCK_STREAM}), notify) << family;
}

TEST(Filter, RefusesTypingOnTheTerminalHoweverTheRequestIsWritten) {
  EXPECT_EQ(ask(listened, SYS_ioctl, {0, TIOCSTI}), notify);
  EXPECT_EQ(ask(listened, SYS_ioctl, {0, TIOCLINUX}), notify);
  EXPECT_EQ(ask(listened, SYS_ioctl, {0, 0xdeadbeef00000000 | TIOCSTI}), notify);
  EXPECT_EQ(ask(listened, SYS_ioctl, {0, TIOCSETD}), notify);
  EXPECT_EQ(ask(listened, SYS_ioctl, {0, TIOCGETD}), allow);
  EXPECT_EQ(ask(listened, SYS_ioctl, {0, TCGETS}), allow);
}

TEST(Filter, AllowsThePersonalityOfDebuggersOnly) {
  for (uint64_t persona : {uint64_t{0xffffffff}, uint64_t{PER_LINUX}, uint64_t{ADDR_NO_RANDOMIZE}})
    EXPECT_EQ(ask(listened, SYS_personality, {persona}), allow);
  for (uint64_t persona : {uint64_t{READ_IMPLIES_EXEC}, uint64_t{PER_LINUX32}, uint64_t{MMAP_PAGE_ZERO}})
    EXPECT_EQ(ask(listened, SYS_personality, {persona}), notify);
}

TEST(Filter, LetsFilesAndPipesBeMadeButNoDevices) {
  for (uint64_t type : {S_IFREG, S_IFIFO, S_IFSOCK, 0})
    EXPECT_EQ(ask(listened, SYS_mknodat, {0, 0, type | 0644}), allow);
  for (uint64_t type : {S_IFCHR, S_IFBLK}) EXPECT_EQ(ask(listened, SYS_mknodat, {0, 0, type | 0644}), notify);
}

TEST(Filter, TellsWritesFromReadsOnlyWhereThePolicyRecordsThem) {
  FilterPlan recording;
  recording.record_writes = true;
  EXPECT_EQ(ask(recording, SYS_openat, {0, 0, O_RDONLY | O_CLOEXEC}), allow);
  for (uint64_t flags : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC})
    EXPECT_EQ(ask(recording, SYS_openat, {0, 0, flags}), notify);
  EXPECT_EQ(ask(recording, SYS_unlinkat), notify);
  EXPECT_EQ(ask(recording, SYS_openat2), fail(ENOSYS));
  EXPECT_EQ(ask(listened, SYS_openat, {0, 0, O_WRONLY}), allow);
  EXPECT_EQ(ask(listened, SYS_openat2), allow);
}

TEST(Filter, NeverDeniesAndRecordsTheSameCall) {
  for (const WritingCall& entry : writing_calls) EXPECT_EQ(find_denied_call(entry.number), nullptr) << entry.name;
}

TEST(Filter, DeniesWhatThePolicyNamesWhateverElseIsSaidOfIt) {
  FilterPlan plan;
  plan.record_writes = true;
  plan.allow_nested = true;
  plan.denied = {SYS_ptrace, SYS_unlinkat, SYS_mount, SYS_openat2};
  for (int number : {SYS_ptrace, SYS_unlinkat, SYS_mount, SYS_openat2}) EXPECT_EQ(ask(plan, number), notify) << number;
  EXPECT_EQ(ask(plan, SYS_mkdirat), notify) << "recorded as before";
  EXPECT_EQ(ask(listened, SYS_ptrace), allow) << "the control";
  plan.notify = false;
  EXPECT_EQ(ask(plan, SYS_ptrace), fail(EPERM));
}

// The real kernel from here on.

int confined(const std::function<int()>& body) {
  std::string program = build_filter(alone);
  return in_child([&] {
    if (!set_no_new_privs() || !install_filter(program, false)) return 99;
    return body();
  });
}
int error_of(long result) {
  return result < 0 ? errno : 0;
}

TEST(FilterInKernel, RefusesWhatTheFilterDenies) {
  auto tried = [](int number) { return [number] { return error_of(::syscall(number, 0, 0, 0, 0, 0)); }; };
  EXPECT_EQ(confined(tried(SYS_keyctl)), EPERM);
  EXPECT_EQ(confined(tried(SYS_io_uring_setup)), ENOSYS);
  EXPECT_EQ(confined(tried(SYS_clone3)), ENOSYS);
  EXPECT_EQ(confined([] { return error_of(::unshare(CLONE_NEWUSER)); }), EPERM);
  EXPECT_EQ(confined([] { return error_of(::socket(AF_ALG, SOCK_SEQPACKET, 0)); }), EAFNOSUPPORT);
  EXPECT_EQ(confined([] { return error_of(::socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)); }), EAFNOSUPPORT);
  EXPECT_NE(in_child([] { return error_of(::socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)); }), EAFNOSUPPORT)
      << "the control";
  int pair[2];
  EXPECT_EQ(confined([&] { return error_of(::socketpair(AF_INET, SOCK_STREAM, 0, pair)); }), EAFNOSUPPORT);
  EXPECT_EQ(in_child([&] { return error_of(::socketpair(AF_INET, SOCK_STREAM, 0, pair)); }), EOPNOTSUPP)
      << "the control";
  EXPECT_EQ(in_child([] { return error_of(::unshare(CLONE_NEWUSER)); }), 0) << "the control";
}

TEST(FilterInKernel, LetsOrdinaryProgramsWork) {
  EXPECT_EQ(confined([] {
              int pair[2];
              if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 1;
              if (::sendto(pair[0], "x", 1, 0, nullptr, 0) != 1) return 2;
              int poll = ::epoll_create1(0);
              epoll_event event{.events = EPOLLIN, .data = {}};
              if (::epoll_ctl(poll, EPOLL_CTL_ADD, pair[1], &event) != 0) return 3;
              if (::epoll_wait(poll, &event, 1, 1000) != 1) return 4;
              return ::execl("/bin/sh", "sh", "-c", "echo | cat | wc -l >/dev/null", nullptr), 5;
            }),
            0);
}

TEST(FilterInKernel, GivesOneListenerAndRefusesASecond) {
  std::string program = build_filter({.notify = true, .record_exec = false});
  EXPECT_EQ(in_child([&] {
              if (!set_no_new_privs()) return 1;
              auto listener = install_filter(program, true);
              if (!listener || !*listener) return 2;
              auto second = install_filter(program, true);
              return !second && second.error().code() == base::ErrorCode::conflict ? 0 : 3;
            }),
            0);
}

TEST(Install, RefusesBytesThatAreNoProgram) {
  EXPECT_FALSE(install_filter("", false));
  EXPECT_FALSE(install_filter("seven b", false));
  EXPECT_FALSE(install_filter(std::string(8 * 4097, '\0'), false));
}

}  // namespace
}  // namespace hv::isolation
