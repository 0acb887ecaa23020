// The shards that searches have open: the few that were read last. A ledger of years has thousands.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "index/shard.h"

namespace hv::index {

class ShardCache {
 public:
  static constexpr size_t kMost = 16;  // each is a descriptor or three, half a megabyte, and a mapping

  // The reader of this segment's shard, opened when it is not; it stays valid until the next call of this object.
  base::Result<ShardReader*> open(uint64_t segment, const std::string& path, bool sealed);
  void close(uint64_t segment) { open_.erase(segment); }
  size_t size() const { return open_.size(); }

 private:
  struct Open {
    ShardReader reader;
    uint64_t used;  // number of the call that asked for it last
  };
  std::map<uint64_t, Open> open_;
  uint64_t calls_ = 0;
};

}  // namespace hv::index
