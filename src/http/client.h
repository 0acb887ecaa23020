// A blocking client on one connected descriptor: for programs that start, ask and end. No event loop, no Asio.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "http/exchange.h"
#include "http/message.h"
#include "http/response_reader.h"

namespace hv::http {

// How long a peer may be silent before its caller is asked whether to go on waiting.
struct Patience {
  std::chrono::milliseconds interval{0};  // 0: for ever
  // Asked after each such interval; a failure ends the wait and is what the call returns.
  std::function<base::Status()> at_silence;
};

class ClientConnection {
 public:
  explicit ClientConnection(base::Fd socket, Patience patience = {})
      : socket_(std::move(socket)), patience_(std::move(patience)) {}

  // Sends and waits for the whole answer. cancelled when the connection was found closed before a byte of the answer
  // came: the peer never saw the request, or ended while it did; a caller that may repeat it opens a new connection.
  base::Result<Response> exchange(const Request& request);
  // Sends and waits for the answer's head; the body, or what else follows, is then read piece by piece.
  base::Result<Response> open(const Request& request);
  // The next piece of the body; empty at its end.
  base::Result<std::string> read_body();
  // After open() answered 101: the descriptor and what came with the answer. The connection is then over.
  Upgraded release();

  // What follows may come at any time: a log that is followed, events.
  void be_patient() { patience_ = {}; }

  int fd() const { return socket_.get(); }
  // Another request can be sent.
  bool reusable() const { return socket_ && reader_.complete() && reader_.keep_alive(); }

 private:
  base::Status send_all(std::string_view bytes);
  base::Status receive();
  base::Status wait_until(short event);

  base::Fd socket_;
  Patience patience_;
  ResponseReader reader_;
};

}  // namespace hv::http
