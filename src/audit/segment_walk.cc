#include "audit/segment_walk.h"

#include <optional>
#include <string>

namespace hv::audit {

namespace {

constexpr size_t kPiece = size_t{1} << 20;

}  // namespace

base::Result<WalkEnd> walk_segment(SegmentBytes& source, uint64_t first_index,
                                   const std::function<base::Status(const WalkedRecord&)>& visit) {
  std::string buffer;
  (void)HV_TRY(source.read(0, kPiece, buffer));
  std::optional<SegmentHeader> header = decode_segment_header(buffer);
  if (!header || header->first_index != first_index)
    return base::Failure(base::conflict("read the journal: the header of " + segment_name(first_index) + " is damaged")
                             .with_hint("run 'hydravisor audit verify'"));
  WalkedRecord record;
  record.index = first_index;
  record.offset = kSegmentHeaderSize;
  size_t at = kSegmentHeaderSize;
  for (;;) {
    std::string_view rest = std::string_view(buffer).substr(at);
    FrameResult result = decode_envelope_frame(rest);
    if (result.fault == FrameFault::none) {
      record.frame = result.frame;
      record.bytes = rest.substr(0, result.frame.size());
      HV_TRY(visit(record));
      at += record.bytes.size();
      record.offset += record.bytes.size();
      ++record.index;
      continue;
    }
    bool nothing_left = rest.empty();
    if (result.fault == FrameFault::incomplete) {
      buffer.erase(0, at);
      at = 0;
      if (HV_TRY(source.read(record.offset + buffer.size(), kPiece, buffer)) > 0) continue;
    }
    return WalkEnd{record.index, nothing_left ? FrameFault::none : result.fault};
  }
}

}  // namespace hv::audit
