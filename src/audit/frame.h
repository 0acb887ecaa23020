// The journal's framing: a segment's header, and records of an envelope, a salt and a payload, each under its CRC-32C.
// Grammar in docs/ledger-format.md. Reads bytes that a crash or a stranger may have left: nothing here trusts them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace hv::audit {

constexpr size_t kSegmentHeaderSize = 32;
constexpr size_t kFrameHeaderSize = 24;
constexpr size_t kSaltSize = 16;
// Within a frame's header: the byte that says whether the payload was deleted. No checksum covers it.
constexpr size_t kStateOffset = 20;
constexpr char kPayloadPresent = 0;
constexpr char kPayloadDeleted = 1;
// What a reader accepts; the writer keeps to kMaxPayloadSize.
constexpr uint32_t kMaxFramedPayload = 1u << 20;

struct SegmentHeader {
  uint64_t first_index = 0;
  base::WallTime created{};
};
std::string encode_segment_header(const SegmentHeader& header);
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes);
// "00000000000000000042.journal".
std::string segment_name(uint64_t first_index);
std::optional<uint64_t> parse_segment_name(std::string_view name);

// One record, as views into the bytes it was read from.
struct Frame {
  std::string_view envelope;
  std::string_view salt;
  std::string_view payload;
  bool payload_deleted = false;
  bool payload_intact = false;  // its CRC fits; false for a deleted one
  size_t size() const { return kFrameHeaderSize + envelope.size() + salt.size() + payload.size(); }
};

enum class FrameFault {
  none,
  incomplete,    // the bytes end before the record does
  bad_header,    // the lengths cannot be believed: where the next record starts is unknown
  bad_envelope,  // the lengths hold, the envelope's checksum does not
};

struct FrameResult {
  FrameFault fault = FrameFault::none;
  Frame frame;  // for none and bad_envelope
};

void append_frame(std::string& out, std::string_view envelope, std::string_view salt, std::string_view payload);
std::string encode_frame(std::string_view envelope, std::string_view salt, std::string_view payload);
// A record whose payload was deleted: `payload_crc` are the four bytes that stood there before.
void append_deleted_frame(std::string& out, std::string_view envelope, std::string_view payload_crc,
                          size_t payload_size);
// The record at the start of `bytes`. A payload whose checksum does not fit is no fault here: the record still has its
// place in the tree.
FrameResult decode_frame(std::string_view bytes);
// The same without looking at the payload's checksum: payload_intact is false. For those who only walk.
FrameResult decode_envelope_frame(std::string_view bytes);
// A record that was found to be whole before, whatever its checksums say: payload_intact is false.
Frame split_frame(std::string_view bytes);
// The first position at or after `from` where a whole, sound record starts; how reading goes on behind damage.
std::optional<size_t> find_frame(std::string_view bytes, size_t from);

}  // namespace hv::audit
