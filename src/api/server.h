// The daemon's API: HTTP on a listening socket in front of a Service, which each request gets for its own sender.
// Construct it on the loop's thread, or before the loop runs, after the loop and the service; destroy it before both.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/unix_socket.h"
#include "base/version.h"
#include "http/loop.h"
#include "service/service.h"

namespace hv::api {

struct ServerOptions {
  // Told when somebody connected who may not speak; they got 403.
  std::function<void(const base::PeerCredentials&)> refused;
  // Who may speak at all, beside the owner and root; empty: nobody.
  std::function<bool(const base::PeerCredentials&)> admits;
  // What a client must not be newer than.
  std::string version{base::kVersion};
};

class Server {
 public:
  Server(http::Loop& loop, base::Fd listener, service::Entrance entrance, ServerOptions options);
  // Waits for calls that are running on the pool; open streams and long polls are broken off.
  ~Server();

  // Connections open now; an idle daemon may end when there is none.
  size_t connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "GET /v1/version" and so on, one a line.
std::string print_routes();

}  // namespace hv::api
