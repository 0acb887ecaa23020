// Follows the requests and responses of one HTTP/1.1 connection, one after the other: each request is held until it is
// permitted, bodies pass unbuffered, and after an upgrade the rest passes unseen. No sockets here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "network/http_body.h"
#include "network/http_head.h"
#include "network/http_response.h"

namespace hv::gateway {

class HttpSession {
 public:
  // What the session asks of its connection. Views are valid within the call.
  class Owner {
   public:
    virtual ~Owner() = default;
    // The session stands still until proceed(); when the request is refused it is not used any more.
    virtual void on_request(const network::RequestHead& head) = 0;
    virtual void to_server(std::string_view bytes) = 0;
    virtual void to_client(std::string_view bytes) = 0;
    // The last response is complete: both ends can be closed in order.
    virtual void on_finished() = 0;
    // The client or the server does not speak HTTP as it should. The session is not used any more.
    virtual void on_malformed(bool by_client, const std::string& reason) = 0;
  };
  enum class Forward { as_sent, to_origin };

  explicit HttpSession(Owner& owner) : owner_(owner) {}

  void client_bytes(std::string_view bytes);
  void server_bytes(std::string_view bytes);
  // The server sends no more.
  void server_ended();
  // The request last told of is permitted, and to_server() now reaches its server. Without `may_upgrade` the server is
  // not told that the client would like to go on in another protocol, and its agreement to that is an error.
  void proceed(Forward form, bool may_upgrade = true);

  // More bytes of the client would be of use.
  bool wants_client() const { return state_ == State::head || state_ == State::body || state_ == State::tunnel; }
  // A head has begun and is not whole.
  bool in_head() const { return state_ == State::head && !held_.empty(); }
  // Between two requests.
  bool is_idle() const { return state_ == State::head && held_.empty(); }
  // Bytes kept back.
  size_t held() const { return held_.size() + response_held_.size(); }
  bool is_tunnel() const { return state_ == State::tunnel; }

 private:
  enum class State { head, asking, body, waiting, tunnel, over };
  void advance();
  void on_response_head();
  void take_response_body(std::string_view bytes);
  void end_of_exchange();
  void malformed(bool by_client, const std::string& reason);

  Owner& owner_;
  State state_ = State::head;
  std::string held_;  // of the client, not yet passed on
  std::optional<network::RequestHeadReader> request_;
  std::optional<network::HttpBodyReader> request_body_;
  bool request_keeps_alive_ = false;
  std::string response_held_;
  std::optional<network::ResponseHeadReader> response_;
  std::optional<network::HttpBodyReader> response_body_;
  network::HttpFraming::Kind response_kind_ = network::HttpFraming::Kind::none;
  bool response_keeps_alive_ = false;
  bool response_done_ = false;
  network::ResponseHeadReader::Asked asked_;
};

}  // namespace hv::gateway
