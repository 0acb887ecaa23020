// Ends of processes by the kernel's process connector: a netlink group that is told of every end on the machine. For
// kernels before 6.15; it serves root, since Linux 6.6 everybody, outside of containers. Ours are picked out here;
// nothing of the other processes is kept.
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "monitor/exit_source.h"

namespace hv::monitor {

class ConnectorExits final : public ExitSource {
 public:
  // denied, or unsupported where it does not answer: in a container, or without root before Linux 6.6.
  static base::Result<std::unique_ptr<ExitSource>> create();

  int fd() const override { return epoll_.get(); }
  base::Result<pid_t> follow(pid_t pid) override;
  std::vector<ProcessEnd> take() override;
  std::vector<ProcessEnd> take_last() override;
  size_t followed() const override { return processes_.size(); }

 private:
  // The kernel tells of threads. The process's status is its first thread's, unless others go on after that one and end
  // otherwise: whose status counts then cannot be told from here.
  struct Followed {
    base::Fd descriptor;  // readable when the last thread has ended
    std::optional<int> status;
    bool doubtful = false;
  };
  struct Ending {
    pid_t pid;
    std::chrono::steady_clock::time_point since;
  };
  ConnectorExits(base::Fd epoll, base::Fd socket, base::Fd timer)
      : epoll_(std::move(epoll)), socket_(std::move(socket)), timer_(std::move(timer)) {}
  void see_who_ended();
  void read_socket();
  void on_thread_end(pid_t thread, pid_t process, int status);
  std::vector<ProcessEnd> take_older_than(std::chrono::milliseconds told, std::chrono::milliseconds untold);

  base::Fd epoll_;
  base::Fd socket_;
  base::Fd timer_;  // when those that end are looked at again
  std::map<pid_t, Followed> processes_;
  std::vector<Ending> ending_;  // have ended, and the group may not have been told yet
};

}  // namespace hv::monitor
