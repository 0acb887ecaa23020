#include "audit/frame.h"

#include <algorithm>
#include <charconv>

#include "audit/crc32c.h"
#include "audit/envelope.h"
#include "base/format.h"

namespace hv::audit {

namespace {

constexpr std::string_view kMagic = "HVJRNL1\n";
constexpr std::string_view kSuffix = ".journal";

template <typename Integer>
void put(std::string& out, Integer value) {
  std::array<char, sizeof(Integer)> bytes{};
  for (size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>(value >> (8 * i) & 0xff);
  out.append(bytes.data(), bytes.size());
}

template <typename Integer>
Integer get(std::string_view bytes, size_t offset) {
  Integer value = 0;
  for (size_t i = 0; i < sizeof value; ++i)
    value |= static_cast<Integer>(static_cast<Integer>(static_cast<uint8_t>(bytes[offset + i])) << (8 * i));
  return value;
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string out(kMagic);
  put(out, header.first_index);
  put(out, static_cast<uint64_t>(header.created.time_since_epoch().count()));
  put(out, uint32_t{0});
  put(out, crc32c(out));
  return out;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderSize || !bytes.starts_with(kMagic)) return std::nullopt;
  if (get<uint32_t>(bytes, 28) != crc32c(bytes.substr(0, 28)) || get<uint32_t>(bytes, 24) != 0) return std::nullopt;
  SegmentHeader header;
  header.first_index = get<uint64_t>(bytes, 8);
  header.created = base::WallTime(std::chrono::nanoseconds(static_cast<int64_t>(get<uint64_t>(bytes, 16))));
  return header;
}

std::string segment_name(uint64_t first_index) {
  return base::format("{:020}{}", first_index, kSuffix);
}

std::optional<uint64_t> parse_segment_name(std::string_view name) {
  if (name.size() != 20 + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  uint64_t index = 0;
  auto [end, code] = std::from_chars(name.data(), name.data() + 20, index);
  if (code != std::errc{} || end != name.data() + 20) return std::nullopt;
  return index;
}

void append_frame(std::string& out, std::string_view envelope, std::string_view salt, std::string_view payload) {
  size_t begin = out.size();
  put(out, static_cast<uint32_t>(envelope.size()));
  put(out, static_cast<uint32_t>(payload.size()));
  put(out, crc32c(envelope));
  put(out, crc32c(payload, crc32c(salt)));
  put(out, crc32c(std::string_view(out).substr(begin)));
  put(out, static_cast<uint32_t>(kPayloadPresent));
  out.append(envelope).append(salt).append(payload);
}

void append_deleted_frame(std::string& out, std::string_view envelope, std::string_view payload_crc,
                          size_t payload_size) {
  size_t begin = out.size();
  put(out, static_cast<uint32_t>(envelope.size()));
  put(out, static_cast<uint32_t>(payload_size));
  put(out, crc32c(envelope));
  out.append(payload_crc);
  put(out, crc32c(std::string_view(out).substr(begin)));
  put(out, static_cast<uint32_t>(kPayloadDeleted));
  out.append(envelope).append(kSaltSize + payload_size, '\0');
}

std::string encode_frame(std::string_view envelope, std::string_view salt, std::string_view payload) {
  std::string out;
  out.reserve(kFrameHeaderSize + envelope.size() + salt.size() + payload.size());
  append_frame(out, envelope, salt, payload);
  return out;
}

Frame split_frame(std::string_view bytes) {
  auto envelope_size = get<uint32_t>(bytes, 0);
  auto payload_size = get<uint32_t>(bytes, 4);
  Frame frame;
  frame.envelope = bytes.substr(kFrameHeaderSize, envelope_size);
  frame.salt = bytes.substr(kFrameHeaderSize + envelope_size, kSaltSize);
  frame.payload = bytes.substr(kFrameHeaderSize + envelope_size + kSaltSize, payload_size);
  frame.payload_deleted = bytes[kStateOffset] == kPayloadDeleted;
  return frame;
}

FrameResult decode_envelope_frame(std::string_view bytes) {
  FrameResult result;
  auto fail = [&](FrameFault fault) {
    result.fault = fault;
    return result;
  };
  if (bytes.size() < kFrameHeaderSize) return fail(FrameFault::incomplete);
  if (get<uint32_t>(bytes, 16) != crc32c(bytes.substr(0, 16))) return fail(FrameFault::bad_header);
  // Not under the checksum, since deleting a payload changes it; so only its two values are accepted.
  if (get<uint32_t>(bytes, kStateOffset) > static_cast<uint32_t>(kPayloadDeleted)) return fail(FrameFault::bad_header);
  auto envelope_size = get<uint32_t>(bytes, 0);
  auto payload_size = get<uint32_t>(bytes, 4);
  if (envelope_size == 0 || envelope_size > kMaxEnvelopeSize || payload_size > kMaxFramedPayload)
    return fail(FrameFault::bad_header);
  if (bytes.size() - kFrameHeaderSize < size_t{envelope_size} + kSaltSize + payload_size)
    return fail(FrameFault::incomplete);
  result.frame = split_frame(bytes);
  if (get<uint32_t>(bytes, 8) != crc32c(result.frame.envelope)) result.fault = FrameFault::bad_envelope;
  return result;
}

FrameResult decode_frame(std::string_view bytes) {
  FrameResult result = decode_envelope_frame(bytes);
  Frame& frame = result.frame;
  if (result.fault == FrameFault::none || result.fault == FrameFault::bad_envelope)
    frame.payload_intact =
        !frame.payload_deleted && get<uint32_t>(bytes, 12) == crc32c(frame.payload, crc32c(frame.salt));
  return result;
}

std::optional<size_t> find_frame(std::string_view bytes, size_t from) {
  // An envelope begins with this, so that most positions are refused without a checksum.
  constexpr std::string_view kStart = R"({"v":)";
  while (from < bytes.size()) {
    size_t envelope = bytes.find(kStart, from + kFrameHeaderSize);
    if (envelope == std::string_view::npos) return std::nullopt;
    size_t start = envelope - kFrameHeaderSize;
    if (decode_frame(bytes.substr(start)).fault == FrameFault::none) return start;
    from = start + 1;
  }
  return std::nullopt;
}

}  // namespace hv::audit
