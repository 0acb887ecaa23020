// Which events of each sandbox's spool the ledger holds: the highest sequence and where it stands. Rebuilt when the
// ledger opens, from the newest segment's start; each segment has a copy of what was known when it began.
#pragma once

#include <array>
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
  };

  void note(const core::Origin& origin, uint64_t index);
  // What this sandbox's spools are marked with is forgotten when the segment after the present one begins: until then a
  // crash may have left its files, which are read again. A mark takes 40 bytes from here on, for there may be
  // thousands.
  void retire(const std::string& sandbox);
  // A segment begins.
  void turn();
  std::optional<Mark> find(const std::string& spool) const;

  // "00000000000000000042.spools", beside the segment that begins with the index.
  static std::string file_name(uint64_t first_index);
  std::string encode() const;
  static base::Result<SpoolIndex> decode(std::string_view text);

 private:
  // "s3xnpbq0968y4px2c/files", the longest there is, and a zero.
  using Name = std::array<char, 24>;
  struct Retired {
    Name spool;
    Mark mark;
  };
  using RetiredMarks = std::vector<Retired>;  // ordered by name

  static std::optional<Name> to_name(std::string_view spool);
  static void put(RetiredMarks& marks, const Retired& one);
  static const Mark* find(const RetiredMarks& marks, std::string_view spool);

  std::unordered_map<std::string, Mark> marks_;
  RetiredMarks retired_;  // since the segment began
  RetiredMarks former_;   // in the segment before
};

}  // namespace hv::audit
