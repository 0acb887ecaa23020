// The server: accepts on a listening unix socket, admits peers, reads requests one after the other on each connection
// and gives them to one handler. Loop's thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/fd.h"
#include "base/unix_socket.h"
#include "http/exchange.h"
#include "http/loop.h"

namespace hv::http {

struct ServerOptions {
  Limits limits;
  // Who may speak. A peer for whom this is false gets 403 for whatever it sends, and `refused` is told once.
  std::function<bool(const base::PeerCredentials&)> admits;
  std::function<void(const base::PeerCredentials&)> refused;
  // The answer to what is not a request, or comes from a stranger: body and type of the caller's choosing.
  std::function<Response(int status, std::string_view message)> fault;
  size_t max_connections = 1024;
  std::chrono::milliseconds request_timeout{30'000};  // from a request's first byte to its last
};

class Server {
 public:
  // `listener` is a listening SOCK_STREAM unix socket.
  Server(Loop& loop, base::Fd listener, ServerOptions options, Handler handler);
  // Closes every connection; whoever waits for one is told that the client has gone.
  ~Server();

  size_t connections() const;

  struct State;

 private:
  struct Acceptor;
  std::shared_ptr<State> state_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace hv::http
