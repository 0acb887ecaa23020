#include "monitor/file_claim_folder.h"

#include <algorithm>

namespace hv::monitor {

std::optional<FileClaim> FileClaimFolder::add(const FileClaim& claim, base::MonotonicTime now) {
  auto known = std::ranges::find_if(entries_, [&](const Entry& entry) {
    const FileClaim& other = entry.claim;
    return other.kind == claim.kind && other.path == claim.path && other.old_path == claim.old_path;
  });
  if (known != entries_.end()) {
    ++known->count;
    known->claim.pid = claim.pid;
    return std::nullopt;
  }
  if (now - singles_since_ >= limits_.window) {
    singles_since_ = now;
    singles_ = 0;
  }
  if (singles_ < limits_.singles) {
    ++singles_;
    if (entries_.size() < limits_.tracked) entries_.push_back({claim, 0, now});
    return claim;
  }
  if (!others_) others_ = Entry{{}, 0, now};
  others_->claim.kind = claim.kind;
  others_->claim.call = claim.call;
  ++others_->count;
  return std::nullopt;
}

std::vector<FileClaim> FileClaimFolder::take_due(base::MonotonicTime now) {
  std::vector<FileClaim> due;
  auto take = [&](const Entry& entry) {
    if (now - entry.since < limits_.window) return false;
    if (entry.count > 0) {
      due.push_back(entry.claim);
      due.back().count = entry.count;
    }
    return true;
  };
  std::erase_if(entries_, take);
  if (others_ && take(*others_)) others_.reset();
  return due;
}

std::vector<FileClaim> FileClaimFolder::take_all() {
  return take_due(base::MonotonicTime::max());
}

std::optional<base::MonotonicTime> FileClaimFolder::next_due() const {
  std::optional<base::MonotonicTime> due;
  if (!entries_.empty()) due = entries_.front().since + limits_.window;
  if (others_ && (!due || others_->since + limits_.window < *due)) due = others_->since + limits_.window;
  return due;
}

}  // namespace hv::monitor
