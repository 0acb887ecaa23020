#include "index/shard_cache.h"

#include <algorithm>

namespace hv::index {

base::Result<ShardReader*> ShardCache::open(uint64_t segment, const std::string& path, bool sealed) {
  ++calls_;
  auto found = open_.find(segment);
  if (found == open_.end()) {
    ShardReader reader = HV_TRY(ShardReader::open(path, sealed));
    if (open_.size() >= kMost)
      open_.erase(std::ranges::min_element(open_, {}, [](const auto& entry) { return entry.second.used; }));
    found = open_.emplace(segment, Open{std::move(reader), calls_}).first;
  }
  found->second.used = calls_;
  return &found->second.reader;
}

}  // namespace hv::index
