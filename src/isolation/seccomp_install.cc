#include "isolation/seccomp_install.h"

#include <cerrno>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace hv::isolation {

base::Result<base::Fd> install_filter(std::string_view program, bool want_listener) {
  using base::Error;
  using base::Failure;
  if (program.empty() || program.size() % sizeof(sock_filter) != 0 ||
      program.size() / sizeof(sock_filter) > BPF_MAXINSNS)
    return Failure(base::invalid_argument("seccomp program: not a filter of 1 to 4096 instructions"));
  sock_fprog filter{.len = static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
                    // The kernel copies from it and writes nothing.
                    .filter = reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()))};
  // Without WAIT_KILLABLE_RECV a signal cancels a notified call, and programs that use signals much (Go) restart it for
  // ever.
  unsigned long flags = want_listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0;
  long result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (result < 0) {
    if (errno == EBUSY) return Failure(base::conflict("load the seccomp filter: this process already has a listener"));
    return Failure(Error::from_errno(errno, "load the seccomp filter"));
  }
  if (!want_listener) return base::Fd();
  return base::Fd(static_cast<int>(result));
}

bool set_listener_sync_wake_up(int listener) {
  return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0;
}

}  // namespace hv::isolation
