#include "monitor/exec_follower.h"

namespace hv::monitor {

void ExecFollower::attempted(pid_t pid, base::MonotonicTime now) {
  if (waiting_.size() == most_waiting) waiting_.pop_front();
  waiting_.push_back({pid, now});
}

std::vector<ExecObserved> ExecFollower::take_due(const Monitor& monitor, base::MonotonicTime now) {
  std::vector<ExecObserved> observed;
  while (!waiting_.empty() && now - waiting_.front().since >= delay) {
    pid_t pid = waiting_.front().pid;
    waiting_.pop_front();
    std::string executable = monitor.executable_of(pid);
    if (!executable.empty()) observed.push_back({static_cast<uint32_t>(pid), std::move(executable)});
  }
  return observed;
}

std::optional<base::MonotonicTime> ExecFollower::next_due() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().since + delay;
}

}  // namespace hv::monitor
