#include "gateway/folder.h"

#include <utility>

namespace hv::gateway {

void Folder::add(const core::NetworkEvent& event) {
  std::string key;
  for (const std::string& part :
       {std::to_string(static_cast<int>(event.kind)), event.name, event.address, std::to_string(event.port),
        event.protocol, event.sni, event.method, event.path, event.rule, event.error})
    key.append(part).push_back('\0');
  auto found = entries_.find(key);
  if (found != entries_.end()) {
    found->second.more += event.count;
    return;
  }
  if (entries_.size() >= kSingly) {
    // Of these only the kind of thing and the number are kept; the first of them stands for all.
    if (other_count_ == 0) others_ = event;
    other_count_ += event.count;
    return;
  }
  entries_.emplace(std::move(key), Entry{event, 0});
  tell_(event);
}

void Folder::flush() {
  // Exchanged first: telling may add.
  auto entries = std::exchange(entries_, {});
  for (auto& [key, entry] : entries) {
    if (entry.more == 0) continue;
    entry.event.count = entry.more;
    tell_(entry.event);
  }
  if (other_count_ == 0) return;
  core::NetworkEvent others = std::exchange(others_, {});
  others.count = std::exchange(other_count_, 0);
  if (others.count > 1) others.error = "and others: a flood of different refusals";
  tell_(others);
}

}  // namespace hv::gateway
