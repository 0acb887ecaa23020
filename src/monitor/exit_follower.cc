#include "monitor/exit_follower.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/format.h"

namespace hv::monitor {

namespace {

constexpr const char* kNoMeans =
    "the kernel does not tell here how a process ended: Linux does since 6.15, outside of containers "
    "since 6.6, and there to root before";

uint32_t milliseconds(std::chrono::nanoseconds time) {
  auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(whole, 0, UINT32_MAX));
}

}  // namespace

void ExitFollower::attempted(pid_t thread, base::MonotonicTime now) {
  if (!source_) return lose(0, kNoMeans);
  // A number that is known is mostly a process that runs another program now; but it can be a new process as well.
  if (processes_.contains(thread)) collect(source_->take(), now);
  if (processes_.contains(thread)) return;
  if (source_->followed() >= limits_.followed) collect(source_->take(), now);
  if (source_->followed() >= limits_.followed)
    return lose(thread, base::format("{} are followed, and no more can be", limits_.followed));
  base::Result<pid_t> followed = source_->follow(thread);
  if (followed) {
    processes_.try_emplace(*followed, Followed{now, {}});
  } else if (int error = followed.error().os_error(); error == ESRCH) {
    lose(thread, "killed while it asked to run a program");
  } else {
    lose(thread, base::format("its end cannot be waited for: {}", ::strerrordesc_np(error)));
  }
}

void ExitFollower::observed(pid_t pid, const std::string& executable) {
  if (auto found = processes_.find(pid); found != processes_.end()) found->second.executable = executable;
}

void ExitFollower::lose(pid_t pid, const std::string& reason) {
  Lost& lost = lost_[reason];
  lost.record.reason = reason;
  if (pid == 0) return;
  ++lost.record.count;
  if (lost.record.pids.size() < limits_.together) lost.record.pids.push_back(static_cast<uint32_t>(pid));
}

void ExitFollower::collect(const std::vector<ProcessEnd>& ends, base::MonotonicTime now) {
  for (const ProcessEnd& end : ends) {
    auto found = processes_.find(end.pid);
    if (found == processes_.end()) continue;
    std::chrono::nanoseconds lived = now - found->second.since;
    std::string executable = std::move(found->second.executable);
    processes_.erase(found);
    ProcessEnded ended{static_cast<uint32_t>(end.pid), milliseconds(lived)};
    if (lived >= limits_.shortly) {
      exited_.push_back({end.wait_status, std::move(executable), {ended}});
      continue;
    }
    ProcessesExited& group = short_[{end.wait_status, executable}];
    if (group.ended.size() >= limits_.together) exited_.push_back(std::exchange(group, {}));
    group.wait_status = end.wait_status;
    group.executable = std::move(executable);
    group.ended.push_back(ended);
  }
}

std::vector<Record> ExitFollower::take(base::MonotonicTime now) {
  if (source_) collect(source_->take(), now);
  std::vector<Record> records;
  for (ProcessesExited& exited : std::exchange(exited_, {})) records.emplace_back(std::move(exited));
  for (auto& [what, group] : std::exchange(short_, {})) records.emplace_back(std::move(group));
  for (auto& [reason, lost] : lost_)
    if (!std::exchange(lost.told, true)) records.emplace_back(std::exchange(lost.record, {}));
  return records;
}

std::vector<Record> ExitFollower::finish(base::MonotonicTime now) {
  if (source_) collect(source_->take_last(), now);
  for (const auto& [pid, followed] : std::exchange(processes_, {})) lose(pid, "not ended when the sandbox did");
  for (auto& [reason, lost] : lost_)
    if (lost.record.count > 0) lost.told = false;
  return take(now);
}

}  // namespace hv::monitor
