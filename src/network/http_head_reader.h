// Reads one head of HTTP/1 out of bytes that accumulate: lines that end in CR LF, the first of them and then fields, up
// to an empty one (RFC 9112, 2). What the lines mean is the heir's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "network/http_fields.h"

namespace hv::network {

enum class HeadState { need_more, complete, refused };

class HeadReader {
 public:
  static constexpr size_t kSizeLimit = 64 * 1024;
  static constexpr size_t kFieldLimit = 200;

  // `so_far` is everything of this head that has arrived, from its first byte; it may only grow between calls. Each
  // byte is looked at once, and what lies behind the head is not looked at. A bare CR or LF and control bytes are
  // refused where they are met.
  HeadState read(std::string_view so_far);
  // After complete: the bytes of the head with its empty line.
  size_t size() const { return at_; }
  // After refused: one phrase for the record and the answer.
  const std::string& reason() const { return reason_; }

 protected:
  ~HeadReader() = default;

 private:
  virtual base::Status read_start_line(std::string_view line) = 0;
  // All the fields have come.
  virtual base::Status finish() = 0;
  virtual std::vector<HttpField>& fields() = 0;

  base::Result<HeadState> scan(std::string_view so_far);
  base::Status take(std::string_view line);

  size_t at_ = 0;
  size_t line_start_ = 0;
  HeadState state_ = HeadState::need_more;
  bool has_start_line_ = false;
  std::string reason_;
};

}  // namespace hv::network
