// One HTTP/1.1 request out of whatever bytes arrive. Boost.Beast does the grammar, strictly, behind this; limits are
// checked while reading, so a peer cannot make us hold more than they allow.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace hv::http {

class RequestParser {
 public:
  struct Fault {
    int status;  // 400, 413, 431, 501 or 505
    std::string message;
  };

  explicit RequestParser(Limits limits = {});
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;
  ~RequestParser();

  // Takes as much of `bytes` as belongs to this request and says how much that was; what remains belongs to the next
  // one.
  std::expected<size_t, Fault> feed(std::string_view bytes);
  // Something of a request has arrived.
  bool started() const;
  bool complete() const;
  // The head is here, the body is not, and the client waits for "100 Continue". True once.
  bool wants_continue();
  // After complete(). The parser is then ready for the next request.
  Request take();

 private:
  struct State;
  Limits limits_;
  std::unique_ptr<State> state_;
};

}  // namespace hv::http
