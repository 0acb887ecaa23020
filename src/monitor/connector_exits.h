// Ends of processes by the kernel's process connector: a netlink group that is told of every end on the machine. For
// kernels before 6.15; it serves root, since Linux 6.6 everybody, outside of containers. Ours are picked out here;
// nothing of the other processes is kept.
#pragma once

#include <map>

#include "monitor/exit_source.h"

namespace hv::monitor {

class ConnectorExits final : public ExitSource {
 public:
  // denied, or unsupported where it does not answer: in a container, or without root before Linux 6.6.
  static base::Result<std::unique_ptr<ExitSource>> create();

  int fd() const override { return epoll_.get(); }
  base::Result<pid_t> follow(pid_t pid) override;
  std::vector<ProcessEnd> take() override;
  size_t followed() const override { return processes_.size(); }

 private:
  // The kernel tells of threads. The process's status is its first thread's, unless others go on after that one and end
  // otherwise: whose status counts then cannot be told from here.
  struct Followed {
    base::Fd descriptor;  // readable when the last thread has ended
    std::optional<int> status;
    bool doubtful = false;
  };
  ConnectorExits(base::Fd epoll, base::Fd socket) : epoll_(std::move(epoll)), socket_(std::move(socket)) {}
  void read_socket();
  void on_thread_end(pid_t thread, pid_t process, int status);

  base::Fd epoll_;
  base::Fd socket_;
  std::map<pid_t, Followed> processes_;
};

}  // namespace hv::monitor
