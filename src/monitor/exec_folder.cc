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
  uint64_t earned = static_cast<uint64_t>(passed.count()) * limits_.per_second / 1000;
  budget_ = std::min<uint64_t>(limits_.burst, budget_ + earned);
}

bool ExecFolder::pay(size_t bytes) {
  if (budget_ < bytes) return false;
  budget_ -= bytes;
  return true;
}

std::optional<ExecAttempt> ExecFolder::add(const ExecAttempt& attempt, base::MonotonicTime now) {
  refill(now);
  auto same = [&](const Entry& entry) {
    return entry.repeated.pid == attempt.pid && entry.repeated.path == attempt.path;
  };
  if (auto known = std::ranges::find_if(entries_, same); known != entries_.end()) {
    ++known->repeated.count;
    return std::nullopt;
  }
  ExecAttempt written = attempt;
  bool paid = pay(size_of(written));
  if (!paid) {
    cut_arguments(written, limits_.cut_arguments);
    paid = pay(size_of(written));
  }
  bool room = entries_.size() < limits_.tracked;
  if (paid) {
    if (room) entries_.push_back({{attempt.pid, attempt.path, attempt.directory, 0}, now});
    return written;
  }
  // Nothing left: from here on processes and programs are told apart no more.
  auto all = std::ranges::find(entries_, 0u, [](const Entry& entry) { return entry.repeated.pid; });
  if (all == entries_.end()) all = entries_.insert(entries_.end(), {{0, {}, {}, 0}, now});
  ++all->repeated.count;
  all->repeated.path = attempt.path;
  all->repeated.directory = attempt.directory;
  return std::nullopt;
}

std::vector<ExecFolded> ExecFolder::take_due(base::MonotonicTime now) {
  std::vector<ExecFolded> due;
  std::erase_if(entries_, [&](const Entry& entry) {
    if (now - entry.since < limits_.window) return false;
    if (entry.repeated.count > 0) due.push_back(entry.repeated);
    return true;
  });
  return due;
}

std::vector<ExecFolded> ExecFolder::take_all() {
  return take_due(base::MonotonicTime::max());
}

std::optional<base::MonotonicTime> ExecFolder::next_due() const {
  if (entries_.empty()) return std::nullopt;
  return std::ranges::min(entries_, {}, &Entry::since).since + limits_.window;
}

}  // namespace hv::monitor
