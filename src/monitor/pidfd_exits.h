// Ends of processes by the descriptors that were opened of them while they lived: since Linux 6.15 such a descriptor
// tells how its process ended, also after a stranger has reaped it. No privilege is needed. pidfd_open(2).
#pragma once

#include <map>

#include "monitor/exit_source.h"

namespace hv::monitor {

class PidfdExits final : public ExitSource {
 public:
  static base::Result<std::unique_ptr<ExitSource>> create();

  int fd() const override { return epoll_.get(); }
  base::Result<pid_t> follow(pid_t pid) override;
  std::vector<ProcessEnd> take() override;
  size_t followed() const override { return processes_.size(); }

 private:
  explicit PidfdExits(base::Fd epoll) : epoll_(std::move(epoll)) {}

  // Nobody sleeps on it: each end is only noted here by the kernel until somebody asks.
  base::Fd epoll_;
  std::map<pid_t, base::Fd> processes_;
};

// A descriptor of the process that a thread belongs to, and the process's number.
struct OpenedProcess {
  pid_t pid = 0;
  base::Fd descriptor;
};
base::Result<OpenedProcess> open_process(pid_t thread);

// How the process of a descriptor ended; nullopt while it has not been reaped, and on kernels that do not tell.
std::optional<int> wait_status_of(int descriptor);

}  // namespace hv::monitor
