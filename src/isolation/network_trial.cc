#include "isolation/network_trial.h"

#include <cerrno>
#include <csignal>

#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "isolation/redirect_rules.h"

namespace hv::isolation {

namespace {

// The child makes system calls only, in namespaces of its own, and shares our table of descriptors: the socket that it
// opens is ours when it has ended. Whoever made a user namespace may do there what he likes, through such a socket too.
base::Result<base::Fd> open_in_new_network() {
  constexpr unsigned long kFlags = CLONE_NEWUSER | CLONE_NEWNET | CLONE_FILES;
  base::Pipe pipe = HV_TRY(base::make_pipe());
  int answer = pipe.write_end.get();
  long child = ::syscall(SYS_clone, kFlags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child < 0) return base::Failure(base::Error::from_errno(errno, "make a network namespace"));
  if (child == 0) {
    int opened = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (opened < 0) opened = -errno;
    ::_exit(::write(answer, &opened, sizeof opened) == sizeof opened ? 0 : 1);
  }
  while (::waitpid(static_cast<pid_t>(child), nullptr, 0) < 0 && errno == EINTR) continue;
  pipe.write_end.close();
  int opened = -EIO;
  if (::read(pipe.read_end.get(), &opened, sizeof opened) != sizeof opened) opened = -EIO;
  if (opened < 0) return base::Failure(base::Error::from_errno(-opened, "open a netlink socket"));
  return base::Fd(opened);
}

}  // namespace

base::Status try_packet_rules() {
  // Any port does: nothing will ever connect there.
  HV_TRY(apply_redirect_rules(open_in_new_network(), 1));
  return {};
}

}  // namespace hv::isolation
