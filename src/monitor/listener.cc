#include "monitor/listener.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hv::monitor {

using base::Error;
using base::Failure;

base::Result<Listener> Listener::over(base::Fd listener) {
  seccomp_notif_sizes sizes{};
  if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
    return Failure(Error::from_errno(errno, "ask for the size of seccomp notifications"));
  return Listener(std::move(listener), std::max<size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)),
                  std::max<size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp)));
}

base::Result<std::optional<Notification>> Listener::receive() {
  std::ranges::fill(request_, '\0');  // the kernel insists
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, request_.data()) != 0) {
    if (errno == ENOENT || errno == EINTR) return std::nullopt;
    return Failure(Error::from_errno(errno, "receive a seccomp notification"));
  }
  seccomp_notif raw;
  std::memcpy(&raw, request_.data(), sizeof raw);
  Notification notification{.id = raw.id,
                            .pid = static_cast<pid_t>(raw.pid),
                            .number = raw.data.nr,
                            .architecture = raw.data.arch,
                            .arguments = {}};
  std::ranges::copy(raw.data.args, notification.arguments.begin());
  return notification;
}

base::Status Listener::send(uint64_t id, int error, uint32_t flags) {
  std::ranges::fill(response_, '\0');
  seccomp_notif_resp raw{.id = id, .val = 0, .error = -error, .flags = flags};
  std::memcpy(response_.data(), &raw, sizeof raw);
  // ENOENT: the caller was killed, so there is nobody to answer.
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, response_.data()) != 0 && errno != ENOENT)
    return Failure(Error::from_errno(errno, "answer a seccomp notification"));
  return {};
}

base::Status Listener::let_continue(uint64_t id) {
  return send(id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}
base::Status Listener::answer_error(uint64_t id, int error) {
  return send(id, error, 0);
}

bool Listener::waits(uint64_t id) const {
  return ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

}  // namespace hv::monitor
