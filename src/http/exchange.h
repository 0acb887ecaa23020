// One request and its answer, as a handler sees them. A handler answers once: respond(), stream() or upgrade(). An
// exchange that is dropped unanswered answers 500 by itself.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/unix_socket.h"
#include "http/message.h"

namespace hv::http {

// A body in pieces, without an end known beforehand. Loop's thread. Dropping it before end() breaks the connection off,
// which the client sees.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // `written` is called once the socket took everything (false: the client has gone). One write at a time: the producer
  // waits for it, and so holds nothing for a slow client.
  virtual void write(std::string_view bytes, std::function<void(bool alive)> written) = 0;
  virtual void end() = 0;
};

struct Upgraded {
  base::Fd fd;           // blocking
  std::string buffered;  // what the client sent after its request
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const Request& request() const = 0;
  virtual const base::PeerCredentials& peer() const = 0;
  // Any thread.
  virtual void respond(Response response) = 0;
  // Loop's thread, like the rest.
  virtual std::unique_ptr<BodyWriter> stream(Response head) = 0;
  // Writes the head (a 101) and gives the connection away. cancelled when the client has gone: the exchange is over
  // then too.
  virtual base::Result<Upgraded> upgrade(Response head) = 0;
  // Called at most once, when the client goes before it has its answer.
  virtual void on_gone(std::function<void()> callback) = 0;
};

using Handler = std::function<void(std::shared_ptr<Exchange>)>;

}  // namespace hv::http
