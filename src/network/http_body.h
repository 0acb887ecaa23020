// Follows the body of an HTTP/1 message as its bytes pass by, without keeping them: says which belong to it and when it
// ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "network/http_fields.h"

namespace hv::network {

class HttpBodyReader {
 public:
  enum class State { need_more, complete, refused };
  static constexpr size_t kExtensionLimit = 256;     // of one chunk
  static constexpr size_t kTrailerLimit = 8 * 1024;  // of all trailers
  static constexpr uint64_t kChunkLimit = 1ULL << 62;

  explicit HttpBodyReader(HttpFraming framing);

  // How many of `bytes` belong to the body and may pass. Fewer than all when it has ended or at the byte that made it
  // refused. until_close and tunnel take everything and never end by themselves.
  size_t feed(std::string_view bytes);
  State state() const { return state_; }
  // After refused.
  const std::string& reason() const { return reason_; }
  // Content so far, without sizes, extensions and trailers of chunks.
  uint64_t content() const { return content_; }

 private:
  enum class Step { data, size, extension, size_lf, data_cr, data_lf, trailer, trailer_lf };

  size_t take_data(size_t available);
  bool take_framing(char c);
  bool end_trailer_line();
  bool refuse(std::string_view reason);

  HttpFraming::Kind kind_;
  State state_ = State::need_more;
  Step step_ = Step::data;
  uint64_t remaining_ = 0;  // of the length, or of the present chunk
  int digits_ = 0;
  size_t extension_ = 0;
  size_t trailers_ = 0;
  std::string line_;  // the present trailer
  uint64_t content_ = 0;
  std::string reason_;
};

}  // namespace hv::network
