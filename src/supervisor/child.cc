#include "supervisor/child.h"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolation/capabilities.h"
#include "isolation/syscalls.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"

namespace hv::supervisor {

namespace {

using base::Error;
using base::Failure;
using base::Status;
using core::Layer;

// The program of init by a mount of its own that nobody can write through. What runs it inside can be reached by
// /proc/PID/exe, which leads to the host's file past the sandbox's mount tree, and not every kernel refuses to write a
// program that runs. Where it cannot be had, the program itself is as good as before.
int read_only(int program) {
  std::array<char, 4096> path;
  ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(program)).c_str(), path.data(), path.size() - 1);
  if (size <= 0) return program;
  path[static_cast<size_t>(size)] = '\0';
  int view = ::open_tree(AT_FDCWD, path.data(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  struct stat wanted{};
  struct stat found{};
  bool usable = view >= 0 && isolation::set_mount_attributes(view, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY) == 0 &&
                ::fstat(program, &wanted) == 0 && ::fstat(view, &found) == 0 && wanted.st_dev == found.st_dev &&
                wanted.st_ino == found.st_ino;
  return usable ? view : program;
}

Status prepare(const ChildPlan& plan) {
  char byte = 0;
  if (::read(plan.go, &byte, 1) != 1) return Failure(Error::from_errno(errno, "wait for the id maps"));
  // As real root the child still has an id that is not mapped here; files it makes would have no owner.
  if (plan.ground->host_root) HV_TRY(isolation::take_ids(0, 0, true));
  // Set after the change of ids, which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return isolation::keep_capabilities_across_exec();
}

}  // namespace

void become_init(ChildPlan plan) {
  bool hygiene = !skips(*plan.ground, Layer::descriptor_hygiene);
  // While the ids are still those of the host, which may enter the directories above it.
  plan.init_program = read_only(plan.init_program);
  Status prepared = prepare(plan);
  if (prepared) {
    // 0-2 are nobody's yet: init gives every job its own.
    int null = ::open("/dev/null", O_RDWR);
    for (int standard = 0; standard < 3; ++standard) ::dup2(null, standard);
    int program = ::fcntl(plan.init_program, F_DUPFD_CLOEXEC, 10);
    ::dup2(plan.control, 3);
    if (hygiene) ::syscall(SYS_close_range, 4, program - 1, 0);
    if (hygiene) ::syscall(SYS_close_range, program + 1, ~0U, 0);
    char name[] = "hydravisor-init";
    std::array<char*, 2> arguments{name, nullptr};
    std::array<char*, 1> environment{nullptr};
    ::syscall(SYS_execveat, program, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
    prepared = Failure(Error::from_errno(errno, "start init"));
    plan.control = 3;
  }
  // Nothing else can be done when even this does not arrive: the supervisor sees the socket close.
  if (!shimwire::send_packet(plan.control, static_cast<uint8_t>(shimwire::FromInit::failed),
                             shimwire::encode(shimwire::to_problem(prepared.error()))))
    ::_exit(124);
  ::_exit(125);
}

}  // namespace hv::supervisor
