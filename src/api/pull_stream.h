// An answer without an end, made from something that can be read again and again: the ledger after an index, a log
// after an offset. The next piece is fetched only when the socket has taken the last one, so a slow client costs its
// place in the source and nothing else.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/call.h"
#include "api/context.h"

namespace hv::api {

class PullStream : public std::enable_shared_from_this<PullStream> {
 public:
  struct Piece {
    std::string bytes;  // empty: nothing there now
    bool ended = false;
  };
  struct Source {
    http::Response head;
    // On the pool, one at a time. A failure of the first becomes the answer; a later one breaks the stream off.
    std::function<base::Result<Piece>()> fetch;
    // Told when there may be more; empty when fetch() ends by itself.
    base::Subscription wake;
    std::string beat;  // sent when nothing else was for a while; empty: never
  };

  // `make` gets the function that wakes the stream (any thread) and returns the source.
  static void start(Context& context, std::shared_ptr<Call> call,
                    const std::function<base::Result<Source>(std::function<void()> wake)>& make);

  void stop();

 private:
  PullStream(Context& context, std::shared_ptr<Call> call) : context_(context), call_(std::move(call)) {}
  void pump();
  void deliver(base::Result<Piece> piece);
  void write(std::string_view bytes, bool ended);
  void end();

  Context& context_;
  std::shared_ptr<Call> call_;
  Source source_;
  std::unique_ptr<http::BodyWriter> writer_;
  base::Subscription beat_;
  bool busy_ = false;
  bool woken_ = false;
  bool stopped_ = false;
};

}  // namespace hv::api
