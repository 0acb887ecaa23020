#include "monitor/denial_folder.h"

#include <algorithm>

namespace hv::monitor {

DenialFolder::Entry* DenialFolder::find(const DeniedCall& call) {
  for (Entry& entry : entries_) {
    const DeniedCall& other = entry.repeated;
    if (other.pid == call.pid && other.number == call.number && other.foreign == call.foreign) return &entry;
  }
  return nullptr;
}

void DenialFolder::count(const DeniedCall& call, base::MonotonicTime now) {
  if (Entry* entry = find(call)) {
    uint64_t total = entry->repeated.count + call.count;
    entry->repeated = call;
    entry->repeated.count = total;
    return;
  }
  entries_.push_back({call, now});
}

std::optional<DeniedCall> DenialFolder::add(const DeniedCall& call, base::MonotonicTime now) {
  if (now - singles_since_ >= limits_.window) {
    singles_since_ = now;
    singles_ = 0;
  }
  if (find(call) != nullptr) {
    count(call, now);
    return std::nullopt;
  }
  if (singles_ < limits_.singles && entries_.size() < limits_.tracked) {
    ++singles_;
    DeniedCall later = call;
    later.count = 0;
    entries_.push_back({later, now});
    return call;
  }
  // Too many processes at once: from here they are told apart no more. There are fewer kinds of calls than a record
  // would cost.
  DeniedCall folded = call;
  folded.pid = 0;
  count(folded, now);
  return std::nullopt;
}

std::vector<DeniedCall> DenialFolder::take_due(base::MonotonicTime now) {
  std::vector<DeniedCall> due;
  std::erase_if(entries_, [&](const Entry& entry) {
    if (now - entry.since < limits_.window) return false;
    if (entry.repeated.count > 0) due.push_back(entry.repeated);
    return true;
  });
  return due;
}

std::vector<DeniedCall> DenialFolder::take_all() {
  return take_due(base::MonotonicTime::max());
}

std::optional<base::MonotonicTime> DenialFolder::next_due() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front().since + limits_.window;
}

}  // namespace hv::monitor
