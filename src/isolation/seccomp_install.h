// Loading a seccomp program and taking its listener. By system calls only, for the static programs. seccomp(2),
// seccomp_unotify(2).
#pragma once

#include <string_view>

#include "base/fd.h"

namespace hv::isolation {

// Confines the calling thread and all that it starts, for ever; call it single-threaded, with no_new_privs set or
// CAP_SYS_ADMIN held. `program` comes from build_filter. With a listener the descriptor is returned and everything
// notified waits until somebody answers, so the caller must make no such call (execve among them) before it has handed
// the descriptor over; without one the result holds no descriptor. A process that already has a listener gets conflict.
base::Result<base::Fd> install_filter(std::string_view program, bool want_listener);

// The supervisor's part: wakes the answering process on the same processor (17 instead of 55 microseconds a call).
// False: kernel before 6.6.
bool set_listener_sync_wake_up(int listener);

}  // namespace hv::isolation
