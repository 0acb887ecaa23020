#include "wire/frame.h"

#include <algorithm>
#include <string>

namespace hv::wire {

namespace {

uint32_t little(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return value;
}

void append_little(std::string& out, uint32_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

base::Failure wrong_length(std::string_view what) {
  return base::Failure(base::invalid_argument("stream: malformed " + std::string(what) + " frame"));
}

}  // namespace

void append_frame(std::string& out, FrameType type, std::string_view payload) {
  out.push_back(static_cast<char>(type));
  append_little(out, static_cast<uint32_t>(payload.size()), 4);
  out.append(payload);
}

void append_data(std::string& out, FrameType type, std::string_view bytes) {
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, kDataFrame);
    append_frame(out, type, part);
    bytes.remove_prefix(part.size());
  }
}

std::string encode_exit(ExitFrame exit) {
  std::string out;
  append_little(out, static_cast<uint32_t>(exit.status), 4);
  out.push_back(exit.changed ? 1 : 0);
  return out;
}

std::string encode_resize(core::WindowSize size) {
  std::string out;
  append_little(out, size.rows, 2);
  append_little(out, size.columns, 2);
  return out;
}

base::Result<ExitFrame> decode_exit(std::string_view payload) {
  if (payload.size() != 5) return wrong_length("exit");
  return ExitFrame{static_cast<int32_t>(little(payload.substr(0, 4))), (payload[4] & 1) != 0};
}

base::Result<core::WindowSize> decode_resize(std::string_view payload) {
  if (payload.size() != 4) return wrong_length("resize");
  return core::WindowSize{static_cast<uint16_t>(little(payload.substr(0, 2))),
                          static_cast<uint16_t>(little(payload.substr(2, 2)))};
}

base::Result<uint8_t> decode_signal(std::string_view payload) {
  if (payload.size() != 1) return wrong_length("signal");
  return static_cast<uint8_t>(payload[0]);
}

base::Result<std::optional<Frame>> FrameDecoder::next() {
  std::string_view rest = std::string_view(buffer_).substr(start_);
  if (rest.size() < kFrameHead) return std::nullopt;
  auto type = static_cast<uint8_t>(rest[0]);
  size_t length = little(rest.substr(1, 4));
  if (type > static_cast<uint8_t>(FrameType::detach))
    return base::Failure(base::invalid_argument("stream: unknown frame type " + std::to_string(type)));
  if (length > kFrameLimit)
    return base::Failure(base::invalid_argument("stream: frame of " + std::to_string(length) + " bytes is too long"));
  if (rest.size() < kFrameHead + length) {
    // What was handed out is dropped here, once per read rather than once per frame.
    buffer_.erase(0, start_);
    start_ = 0;
    return std::nullopt;
  }
  Frame frame{static_cast<FrameType>(type), std::string(rest.substr(kFrameHead, length))};
  start_ += kFrameHead + length;
  if (start_ == buffer_.size()) {
    buffer_.clear();
    start_ = 0;
  }
  return frame;
}

}  // namespace hv::wire
