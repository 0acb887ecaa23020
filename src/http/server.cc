#include "http/server.h"

#include <cerrno>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "http/connection.h"

namespace hv::http {

struct Server::Acceptor {
  Acceptor(std::shared_ptr<Server::State> state, base::Fd socket)
      : server(std::move(state)), listener(std::move(socket)) {}

  void listen() {
    watch = server->loop.watch(listener.get(), base::Reactor::Interest::readable, [this] { accept(); });
  }

  void accept() {
    while (true) {
      base::Fd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return;
        return rest();
      }
      admit(std::move(socket));
    }
  }

  // Out of descriptors or memory: the peer stays in the backlog while others end.
  void rest() {
    watch.reset();
    pause = server->loop.after(std::chrono::milliseconds(100), [this] { listen(); });
  }

  void admit(base::Fd socket) {
    auto peer = base::peer_credentials(socket.get());
    if (!peer || server->connections.size() >= server->options.max_connections) return;
    bool admitted = !server->options.admits || server->options.admits(*peer);
    if (!admitted && server->options.refused) server->options.refused(*peer);
    std::make_shared<Connection>(server, make_unix_stream(server->loop, std::move(socket)), *peer, admitted)->start();
  }

  std::shared_ptr<Server::State> server;
  base::Fd listener;
  base::Subscription watch;
  base::Subscription pause;
};

Server::Server(Loop& loop, base::Fd listener, ServerOptions options, Handler handler)
    : state_(std::make_shared<State>(loop, std::move(options), std::move(handler))) {
  // A listener that blocks would stop the loop when a peer goes between poll and accept.
  (void)base::set_nonblocking(listener.get(), true);  // cannot fail on an open socket
  acceptor_ = std::make_unique<Acceptor>(state_, std::move(listener));
  acceptor_->listen();
}

Server::~Server() {
  state_->stopped = true;
  acceptor_.reset();
  std::vector<std::shared_ptr<Connection>> open;
  for (Connection* connection : state_->connections) open.push_back(connection->shared_from_this());
  for (const auto& connection : open) connection->abandon();
}

size_t Server::connections() const {
  return state_->connections.size();
}

}  // namespace hv::http
