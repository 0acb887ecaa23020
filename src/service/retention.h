// What becomes of the ledger with time: finished segments are packed, and what config.toml says need not be kept goes,
// payloads first, then whole segments from the beginning. Each is recorded before it is done, with the rule that asked
// for it. In steps of one segment, so that nothing else waits long.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/ledger.h"
#include "audit/segment.h"
#include "base/clock.h"
#include "base/result.h"

namespace hv::service {

class Retention {
 public:
  struct Rules {
    std::optional<std::chrono::milliseconds> keep_payloads;
    std::optional<std::chrono::milliseconds> keep;
    std::optional<uint64_t> keep_bytes;  // of the journal
  };
  struct Options {
    audit::Ledger& ledger;
    std::function<base::Result<Rules>()> rules;  // asked at each step: an edit of the file holds from then on
    // The first entry that was recorded then or later.
    std::function<base::Result<uint64_t>(base::WallTime)> first_since;
    const base::Clock& clock = base::system_clock();
  };
  // Payloads that grow too old are looked for as often: each time that some are found is an event.
  static constexpr std::chrono::hours kPayloadPass{24};

  explicit Retention(Options options) : with_(std::move(options)) {}
  // Does one thing that is due; false when nothing is. Blocks on files for up to a second or two. Not for several
  // threads at once.
  base::Result<bool> step();

 private:
  using Segments = std::vector<audit::SegmentFile>;
  base::Result<bool> forget_old_payloads(const Rules& rules, const Segments& segments);
  base::Result<bool> shrink(uint64_t most, const Segments& segments);
  // The payloads of the first segment, and the next time the segment.
  base::Result<bool> let_first_go(const Segments& segments, const std::string& reason);

  const Options with_;
  uint64_t forgotten_ = 0;  // payloads below are gone, as far as we know
  base::WallTime next_pass_{};
};

}  // namespace hv::service
