#include "service/denials.h"

#include <utility>
#include <vector>

namespace hv::service {

namespace {

std::string key_of(const core::Event& event) {
  return event.kind + '\0' + event.sandbox + '\0' + base::json::serialize(event.payload);
}

std::string key_of_others(const core::Event& event) {
  const base::json::Value* action = event.payload.if_contains("action");
  return "others\0" + event.kind + '\0' + (action != nullptr ? base::json::serialize(*action) : std::string());
}

}  // namespace

// Called under the lock.
void Denials::count(const std::string& key, const Entry& entry) {
  auto [found, is_new] = by_principal_[entry.event.principal].try_emplace(key, entry);
  if (!is_new) found->second.more += entry.more;
}

void Denials::have_flushed_later() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(due_, true)) return;
  }
  later_();
}

void Denials::add(core::Event event) {
  std::string key = key_of(event);
  bool at_once = false;
  {
    std::lock_guard lock(mutex_);
    Entries& entries = by_principal_[event.principal];
    if (auto known = entries.find(key); known != entries.end()) {
      ++known->second.more;
    } else if (entries.size() >= kSingly) {
      count(key_of_others(event), {event, 1, true});
    } else {
      entries.emplace(key, Entry{event, 0, false});
      at_once = true;
    }
  }
  if (at_once && !recorder_.record(event)) {
    std::lock_guard lock(mutex_);
    count(key, {std::move(event), 1, false});
  }
  have_flushed_later();
}

void Denials::flush() {
  std::vector<std::pair<std::string, Entry>> told;
  bool goes_on = false;
  {
    std::lock_guard lock(mutex_);
    due_ = false;
    for (auto principal = by_principal_.begin(); principal != by_principal_.end();) {
      Entries& entries = principal->second;
      for (auto entry = entries.begin(); entry != entries.end();) {
        uint64_t more = std::exchange(entry->second.more, 0);
        if (more == 0) {
          entry = entries.erase(entry);
          continue;
        }
        // It stays known for another second: what goes on is only counted.
        told.emplace_back(entry->first, entry->second).second.more = more;
        goes_on = true;
        ++entry;
      }
      principal = entries.empty() ? by_principal_.erase(principal) : std::next(principal);
    }
  }
  for (auto& [key, entry] : told) {
    core::Event event = entry.event;
    // The time is that of the record: they came in the second before it.
    event.wall = {};
    event.monotonic = {};
    event.payload["count"] = entry.more;
    if (entry.others && entry.more > 1) {
      event.payload["rule"] = "and others: a flood of different denials";
      event.payload.erase("name");
    }
    if (recorder_.record(event)) continue;
    std::lock_guard lock(mutex_);
    count(key, entry);
  }
  if (goes_on) have_flushed_later();
}

}  // namespace hv::service
