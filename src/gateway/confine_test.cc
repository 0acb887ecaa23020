#include "gateway/confine.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolation/in_child.h"

namespace hv::gateway {
namespace {

struct Act {
  const char* name;
  std::function<bool()> succeeds;
};

bool opens(const char* path, int flags) {
  int fd = ::open(path, flags | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

bool makes_socket(int family, int type = SOCK_STREAM) {
  int fd = ::socket(family, type | SOCK_CLOEXEC, 0);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

bool forks() {
  pid_t pid = ::fork();
  if (pid == 0) isolation::end_process(0);
  return pid > 0;
}

bool owns(int socket, bool by_ioctl) {
  int parent = ::getppid();
  return by_ioctl ? ::ioctl(socket, FIOSETOWN, &parent) == 0 : ::fcntl(socket, F_SETOWN, parent) == 0;
}

// Names of the acts that succeed, in a child that was confined before or not.
std::vector<std::string> acts_that_succeed(bool confined, const std::vector<Act>& acts) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  int ended = isolation::in_child([&] {
    if (confined && (!confine_rights(std::nullopt) || !confine_calls())) return 1;
    for (const Act& act : acts) {
      char answer = act.succeeds() ? 'y' : 'n';
      if (::write(ends[1], &answer, 1) != 1) return 1;
    }
    return 0;
  });
  EXPECT_EQ(ended, 0);
  ::close(ends[1]);
  std::string answers(acts.size() + 1, ' ');
  EXPECT_EQ(::read(ends[0], answers.data(), answers.size()), static_cast<ssize_t>(acts.size()));
  ::close(ends[0]);
  std::vector<std::string> names;
  for (size_t i = 0; i < acts.size(); ++i)
    if (answers[i] == 'y') names.emplace_back(acts[i].name);
  return names;
}

std::vector<std::string> all_names(const std::vector<Act>& acts) {
  std::vector<std::string> names;
  names.reserve(acts.size());
  for (const Act& act : acts) names.emplace_back(act.name);
  return names;
}

TEST(Confine, LeavesNothingButTheInternetsSocketsAndEtc) {
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto tgkill = [](pid_t pid) { return ::syscall(SYS_tgkill, pid, pid, 0) == 0; };
  auto prlimit = [](pid_t pid) {
    rlimit limit{};
    return ::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0;
  };
  const std::vector<Act> forbidden{
      {"read /proc", [] { return opens("/proc/self/status", O_RDONLY); }},
      {"read the root directory", [] { return opens("/", O_RDONLY | O_DIRECTORY); }},
      {"write a file", [] { return opens("/tmp", O_WRONLY | O_TMPFILE); }},
      {"a unix socket", [] { return makes_socket(AF_UNIX); }},
      {"a netlink socket", [] { return makes_socket(AF_NETLINK, SOCK_DGRAM); }},
      {"a process", forks},
      {"a signal by kill", [] { return ::kill(::getppid(), 0) == 0; }},
      {"a signal by tgkill", [&] { return tgkill(::getppid()); }},
      {"a signal by a socket's owner", [&] { return owns(socket, false); }},
      {"the same by ioctl", [&] { return owns(socket, true); }},
      {"another process's limits", [&] { return prlimit(::getppid()); }},
      {"another root", [] { return ::syscall(SYS_getppid) > 0 && ::chdir("/") == 0; }},
  };
  // The control: each of them succeeds where nothing is confined, so that the refusal means something.
  EXPECT_EQ(acts_that_succeed(false, forbidden), all_names(forbidden));
  EXPECT_EQ(acts_that_succeed(true, forbidden), std::vector<std::string>{});
  const std::vector<Act> needed{
      {"read /etc", [] { return opens("/etc/passwd", O_RDONLY); }},
      {"a TCP socket", [] { return makes_socket(AF_INET6); }},
      {"a UDP socket", [] { return makes_socket(AF_INET, SOCK_DGRAM); }},
      {"an interface's number", [] { return ::if_nametoindex("lo") != 0; }},
      {"a non-blocking descriptor", [&] { return ::fcntl(socket, F_SETFL, O_NONBLOCK) == 0; }},
      {"its own limits", [&] { return prlimit(0); }},
      {"its own end", [&] { return tgkill(::getpid()); }},
  };
  EXPECT_EQ(acts_that_succeed(true, needed), all_names(needed));
  ::close(socket);
}

}  // namespace
}  // namespace hv::gateway
