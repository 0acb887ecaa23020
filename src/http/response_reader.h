// One HTTP/1.1 answer out of whatever bytes arrive: the client's side, without Beast, so that a front end stays small.
// Strict: what it does not understand is an error, never a guess.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace hv::http {

class ResponseReader {
 public:
  // All bytes are kept until asked for.
  base::Status feed(std::string_view bytes);
  // The peer closed: an answer without a length ends so. unavailable when it broke off.
  base::Status finish();

  bool head_done() const { return stage_ != Stage::head; }
  bool complete() const { return stage_ == Stage::done; }
  // After head_done(): status and fields; the body is read by take_body().
  const Response& head() const { return head_; }
  bool keep_alive() const { return keep_alive_; }
  // The part of the body that has arrived since the last call.
  std::string take_body() { return std::move(body_); }
  // What came after the answer: frames after a 101.
  std::string take_rest() { return std::move(buffer_); }

 private:
  enum class Stage { head, length, until_close, chunk_head, chunk_data, chunk_end, trailer, done };
  base::Status parse_head(std::string_view text);
  base::Status step(bool& progress);

  Stage stage_ = Stage::head;
  Response head_;
  std::string body_;
  std::string buffer_;
  uint64_t left_ = 0;
  bool keep_alive_ = true;
};

}  // namespace hv::http
