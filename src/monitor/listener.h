// The supervisor's end of a sandbox's seccomp listener: receiving notified calls and answering them.
// seccomp_unotify(2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/fd.h"

namespace hv::monitor {

struct Notification {
  uint64_t id = 0;
  pid_t pid = 0;  // the calling thread, as the supervisor sees it; 0 when it sees it not
  int number = 0;
  uint32_t architecture = 0;  // AUDIT_ARCH_...
  std::array<uint64_t, 6> arguments{};
};

class Listener {
 public:
  // Takes the descriptor that isolation::install_filter gave to the sandbox. unsupported when the kernel's structures
  // are larger than any known.
  static base::Result<Listener> over(base::Fd listener);

  // Readable when a call waits; EPOLLHUP when no process under the filter is left.
  int fd() const { return listener_.get(); }
  // The next waiting call; nothing when it was interrupted or its process killed meanwhile.
  base::Result<std::optional<Notification>> receive();
  // The kernel goes on with the call. It reads memory again: nothing that we read there may have decided this.
  base::Status let_continue(uint64_t id);
  base::Status answer_error(uint64_t id, int error);
  // Whether the call still waits; what was read from /proc/PID before it says yes belongs to the caller, and not to a
  // later process with the same number.
  bool waits(uint64_t id) const;

 private:
  Listener(base::Fd listener, size_t request_size, size_t response_size)
      : listener_(std::move(listener)), request_(request_size, '\0'), response_(response_size, '\0') {}
  base::Status send(uint64_t id, int error, uint32_t flags);

  base::Fd listener_;
  std::string request_;  // as large as the kernel's structures, which may have grown since this was built
  std::string response_;
};

}  // namespace hv::monitor
