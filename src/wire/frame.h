// Frames on an upgraded connection (docs/api/stream.md): u8 type, u32 length little endian, payload. The decoder is fed
// whatever arrives and is the one reader of bytes that the other side chooses; it is fuzzed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/run_request.h"

namespace hv::wire {

enum class FrameType : uint8_t {
  standard_input = 0,
  standard_output = 1,
  standard_error = 2,
  exit = 3,
  resize = 4,
  signal = 5,
  input_end = 6,
  error = 7,
  detach = 8,
};

inline constexpr size_t kFrameHead = 5;
// A longer frame is a broken peer. Senders keep data frames at 64 KiB.
inline constexpr size_t kFrameLimit = 256 * 1024;
inline constexpr size_t kDataFrame = 64 * 1024;

struct Frame {
  FrameType type = FrameType::standard_input;
  std::string payload;
};

struct ExitFrame {
  int32_t status = 0;    // the shell's convention: 128+N for a signal
  bool changed = false;  // the workspace has changes that are not applied
};

void append_frame(std::string& out, FrameType type, std::string_view payload);
// As many data frames as `bytes` need.
void append_data(std::string& out, FrameType type, std::string_view bytes);
std::string encode_exit(ExitFrame exit);
std::string encode_resize(core::WindowSize size);
// invalid_argument when the payload has another length than its type asks for.
base::Result<ExitFrame> decode_exit(std::string_view payload);
base::Result<core::WindowSize> decode_resize(std::string_view payload);
base::Result<uint8_t> decode_signal(std::string_view payload);

class FrameDecoder {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole frame, nullopt when more bytes are needed. invalid_argument for an unknown type or a length over the
  // limit; after that the connection is of no use.
  base::Result<std::optional<Frame>> next();
  // True between frames: an end of stream here is an orderly one.
  bool empty() const { return buffer_.size() == start_; }

 private:
  std::string buffer_;
  size_t start_ = 0;
};

}  // namespace hv::wire
