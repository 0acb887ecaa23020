#include "monitor/exec_follower.h"

namespace hv::monitor {

void ExecFollower::attempted(pid_t pid, uint64_t image, base::MonotonicTime now) {
  if (waiting_.size() == most_waiting) waiting_.erase(waiting_.begin());
  waiting_.emplace(now + delay, Waiting{pid, image, delay});
}

std::vector<ExecObserved> ExecFollower::take_due(const Monitor& monitor, base::MonotonicTime now) {
  std::vector<ExecObserved> observed;
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    auto [due, waiting] = *waiting_.begin();
    waiting_.erase(waiting_.begin());
    if (waiting.image != 0 && monitor.image_of(waiting.pid) == waiting.image) {
      if (waiting.waited >= last_look) continue;
      waiting_.emplace(due + waiting.waited, Waiting{waiting.pid, waiting.image, waiting.waited * 2});
      continue;
    }
    std::string executable = monitor.executable_of(waiting.pid);
    if (!executable.empty()) observed.push_back({static_cast<uint32_t>(waiting.pid), std::move(executable)});
  }
  return observed;
}

std::optional<base::MonotonicTime> ExecFollower::next_due() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.begin()->first;
}

}  // namespace hv::monitor
