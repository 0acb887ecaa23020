#include "supervisor/child.h"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolation/capabilities.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"

namespace hv::supervisor {

namespace {

using base::Error;
using base::Failure;
using base::Status;
using core::Layer;

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
