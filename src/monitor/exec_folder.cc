#include "monitor/exec_folder.h"

#include <algorithm>

namespace hv::monitor {

namespace {

// What a record takes beside its strings, in the spool and about as much again in the ledger.
constexpr size_t kOverhead = 256;

size_t size_of(const ExecAttempt& attempt) {
  size_t size = kOverhead + attempt.path.size() + attempt.directory.size();
  for (const std::string& argument : attempt.arguments) size += argument.size() + 8;
  return size;
}

void cut_arguments(ExecAttempt& attempt, size_t limit) {
  size_t used = 0;
  for (size_t i = 0; i < attempt.arguments.size(); ++i) {
    std::string& argument = attempt.arguments[i];
    if (used + argument.size() <= limit) {
      used += argument.size() + 8;
      continue;
    }
    argument.resize(limit > used ? limit - used : 0);
    attempt.arguments.resize(argument.empty() ? i : i + 1);
    attempt.truncated = true;
  }
}

}  // namespace

void ExecFolder::refill(base::MonotonicTime now) {
  auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - refilled_);
  if (passed.count() <= 0) return;
  refilled_ = now;
  int64_t earned = passed.count() * static_cast<int64_t>(limits_.per_second) / 1000;
  budget_ = std::min(static_cast<int64_t>(limits_.burst), budget_ + earned);
}

std::optional<ExecAttempt> ExecFolder::add(const ExecAttempt& attempt, base::MonotonicTime now) {
  refill(now);
  // A process whose program was replaced can ask for the same path again, with other arguments: that is no repetition.
  if (auto known = std::ranges::find(entries_, attempt, &Entry::attempt); known != entries_.end()) {
    ++known->count;
    return std::nullopt;
  }
  if (entries_.size() < limits_.tracked) entries_.push_back({attempt, 0, now});
  ExecAttempt written = attempt;
  if (budget_ < static_cast<int64_t>(size_of(written))) cut_arguments(written, limits_.cut_arguments);
  budget_ -= static_cast<int64_t>(size_of(written));
  return written;
}

std::chrono::nanoseconds ExecFolder::pause(base::MonotonicTime now) {
  refill(now);
  if (budget_ >= 0) return {};
  return std::chrono::nanoseconds(-budget_ * 1'000'000'000 / static_cast<int64_t>(limits_.per_second));
}

std::vector<ExecFolded> ExecFolder::take_due(base::MonotonicTime now) {
  std::vector<ExecFolded> due;
  std::erase_if(entries_, [&](const Entry& entry) {
    if (now - entry.since < limits_.window) return false;
    if (entry.count > 0) due.push_back({entry.attempt.pid, entry.attempt.path, entry.attempt.directory, entry.count});
    return true;
  });
  return due;
}

std::vector<ExecFolded> ExecFolder::take_all() {
  return take_due(base::MonotonicTime::max());
}

std::optional<base::MonotonicTime> ExecFolder::next_due() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front().since + limits_.window;
}

}  // namespace hv::monitor
