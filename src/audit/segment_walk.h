// A segment's records one after the other, without more of it in memory than a part.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "audit/frame.h"
#include "audit/segment_bytes.h"
#include "base/result.h"

namespace hv::audit {

struct WalkedRecord {
  uint64_t index = 0;
  uint64_t offset = 0;     // of its first byte, in the segment
  std::string_view bytes;  // all of it; a view for as long as the visit lasts
  Frame frame;             // without a look at the payload's checksum
};

// Where the sound records ended, and why; `none` when at the segment's end.
struct WalkEnd {
  uint64_t index = 0;
  FrameFault fault = FrameFault::none;
};

// Ends early with what `visit` fails with. conflict when the header is damaged, or that of another segment.
base::Result<WalkEnd> walk_segment(SegmentBytes& source, uint64_t first_index,
                                   const std::function<base::Status(const WalkedRecord&)>& visit);

}  // namespace hv::audit
