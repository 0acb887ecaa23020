// One client's connection: requests in order, one answer each. Internal to http/.
#pragma once

#include <array>
#include <memory>
#include <set>
#include <string>

#include "http/exchange.h"
#include "http/loop.h"
#include "http/request_parser.h"
#include "http/server.h"
#include "http/stream.h"

namespace hv::http {

class Connection;

struct Server::State {
  Loop& loop;
  ServerOptions options;
  Handler handler;
  std::set<Connection*> connections;
  bool stopped = false;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Server::State> server, std::unique_ptr<Stream> stream, base::PeerCredentials peer,
             bool admitted);
  ~Connection();

  void start() { proceed(); }
  Loop& loop() { return server_->loop; }
  const base::PeerCredentials& peer() const { return peer_; }

  // What an exchange does; each is the end of its request, or the beginning of that end.
  void respond(const Response& response, bool keep_alive);
  void write(std::string bytes, std::function<void(bool alive)> written);
  void body_done(bool keep_alive);
  base::Result<Upgraded> upgrade(const Response& head);
  void watch_gone(std::function<void()> callback);
  void abandon();

 private:
  void proceed();  // takes the next request out of what was read, or reads more
  void read_more();
  void dispatch();
  void fault(int status, std::string_view message);
  void linger();
  void arm_timeout();

  std::shared_ptr<Server::State> server_;
  std::unique_ptr<Stream> stream_;
  base::PeerCredentials peer_;
  bool admitted_;
  RequestParser parser_;
  std::string input_;  // read and not yet parsed: the next requests of a client that does not wait
  std::array<char, 16 * 1024> buffer_{};
  base::Subscription timeout_;
  std::function<void()> gone_;
  bool closed_ = false;
  bool finishing_ = false;  // the last answer is on its way; what still arrives is ignored
  bool watched_ = false;
};

}  // namespace hv::http
