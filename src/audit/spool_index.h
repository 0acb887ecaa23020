// Which events of each sandbox's spool the ledger holds: the highest sequence and where it stands. Rebuilt when the
// ledger opens, from the newest segment's start; each segment has a copy of what was known when it began.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "core/event.h"

namespace hv::audit {

class SpoolIndex {
 public:
  struct Mark {
    uint64_t sequence = 0;
    uint64_t index = 0;
    bool retired = false;
  };

  void note(const core::Origin& origin, uint64_t index);
  // What this sandbox's spools are marked with is forgotten when the segment after the present one begins: until then a
  // crash may have left its files, which are read again.
  void retire(const std::string& sandbox);
  // A segment begins.
  void turn();
  std::optional<Mark> find(const std::string& spool) const;

  // "00000000000000000042.spools", beside the segment that begins with the index.
  static std::string file_name(uint64_t first_index);
  std::string encode() const;
  static base::Result<SpoolIndex> decode(std::string_view text);

 private:
  std::unordered_map<std::string, Mark> marks_;
  std::vector<std::string> retired_;  // since the segment began
};

}  // namespace hv::audit
