// A blocking client on one connected descriptor: for programs that start, ask and end. No event loop, no Asio.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "http/exchange.h"
#include "http/message.h"
#include "http/response_reader.h"

namespace hv::http {

class ClientConnection {
 public:
  explicit ClientConnection(base::Fd socket) : socket_(std::move(socket)) {}

  // Sends and waits for the whole answer. cancelled when the connection was found closed before a byte of the answer
  // came: the peer never saw the request, or ended while it did; a caller that may repeat it opens a new connection.
  base::Result<Response> exchange(const Request& request);
  // Sends and waits for the answer's head; the body, or what else follows, is then read piece by piece.
  base::Result<Response> open(const Request& request);
  // The next piece of the body; empty at its end.
  base::Result<std::string> read_body();
  // After open() answered 101: the descriptor and what came with the answer. The connection is then over.
  Upgraded release();

  int fd() const { return socket_.get(); }
  // Another request can be sent.
  bool reusable() const { return socket_ && reader_.complete() && reader_.keep_alive(); }

 private:
  base::Status receive();

  base::Fd socket_;
  ResponseReader reader_;
};

}  // namespace hv::http
