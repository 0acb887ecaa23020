// One connection out of the sandbox, from the first byte to the record of its end. It is judged by name and port when
// it comes, by its first bytes when they have come, and request by request where it is plain HTTP; nothing is sent
// outside before the attempt is recorded.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gateway/connector.h"
#include "gateway/http_session.h"
#include "gateway/refusal.h"
#include "gateway/stream.h"
#include "gateway/surroundings.h"
#include "network/client_hello.h"
#include "network/http_head.h"
#include "network/protocol_sniff.h"

namespace hv::gateway {

class Connection : public std::enable_shared_from_this<Connection>, private HttpSession::Owner {
 public:
  using Clock = std::chrono::steady_clock;
  struct Times {
    std::chrono::milliseconds head{10'000};     // for a whole hello or request head, from its first byte
    std::chrono::milliseconds first{120'000};   // for the first byte
    std::chrono::milliseconds quiet{200};       // then the server may be the one to speak first
    std::chrono::milliseconds refused{100};     // for the first byte of what is refused anyhow: HTTP is told why
    std::chrono::milliseconds farewell{2'000};  // to read a refusal
    std::chrono::milliseconds half{600'000};    // one side has ended
    std::chrono::milliseconds idle{7'200'000};
  };

  // `gone` runs once, when everything is closed and recorded: who hangs up before that is still counted until then, so
  // that what waits to be recorded is bounded, and an end never comes before its beginning.
  Connection(Surroundings& around, uint64_t number, base::Fd inside, const Times& times,
             std::function<void(uint64_t)> gone);
  ~Connection() override;

  // Taken from the redirect: it was going to this address, which may stand for a name.
  void start_redirected(const core::IpAddress& destination, uint16_t port);
  // Taken by the courtesy proxy: its first request says where it is going.
  void start_proxied();

  // Ends what has waited too long.
  void sweep(Clock::time_point now);
  // Nothing runs inside any more.
  void end();
  // The policy has changed: what it no longer allows ends.
  void recheck();

 private:
  enum class Phase {
    proxy_head,   // the courtesy proxy's first head
    first_bytes,  // to be judged; the server may be connected already
    doomed,       // refused; only whether it is HTTP is still of interest
    connecting,   // judged; recorded or dialled right now
    raw,
    http,
    refused,   // and recorded; kept open until its process has been looked up
    refusing,  // the refusal is written, the rest is read and dropped
    over,
  };

  // connection.cc: bytes.
  void on_inside(uint32_t events);
  void on_outside(uint32_t events);
  template <typename Wants>
  void read(Stream& from, uint32_t events, Wants wants);
  bool pass_on(Stream& from, Stream& to, size_t most);
  void wait_in_line();
  void take_client(std::string_view bytes);
  void take_server(std::string_view bytes);
  void client_ended();
  void server_ended();
  bool wants_client() const;
  bool wants_server() const;
  void update();
  bool in_head() const;
  void account();
  size_t most_at_once() const;
  void drop_outside();
  void refuse(const Refusal& refusal);
  void turn_away(const Refusal& refusal);
  bool is_ending() const { return phase_ >= Phase::refused; }
  void break_off(const std::string& error);
  void say_farewell(const std::string& bytes, std::string error);
  void finish(const std::string& error);
  void leave();
  void tell_end(const std::string& error);
  void forward();

  // connection_verdict.cc: what may be done.
  void begin();
  void on_quiet();
  void judge();
  void wait_for_more();
  void judge_hello();
  void judge_hidden(std::string_view protocol);
  void take_proxy_head();
  void open_tunnel(const network::RequestHead& head);
  void start_http();
  std::optional<Refusal> misdirected(const network::RequestHead& head) const;
  void permit(core::NetworkEvent event, std::function<void()> then);
  void record_connection(network::Sight sight);
  void connect();
  void on_connected(std::expected<Connector::Connected, Connector::Failed> result);
  void set_target(core::Host host, uint16_t port);
  network::Target target(network::Sight sight) const;
  core::NetworkEvent event(core::NetworkEvent::Kind kind) const;
  std::string what() const;

  void on_request(const network::RequestHead& head) override;
  void to_server(std::string_view bytes) override;
  void to_client(std::string_view bytes) override;
  void on_finished() override;
  void on_malformed(bool by_client, const std::string& reason) override;

  Surroundings& around_;
  const uint64_t number_;
  const Times& times_;
  std::function<void(uint64_t)> gone_;
  Phase phase_ = Phase::first_bytes;
  bool proxied_ = false;
  Stream inside_;
  Stream outside_;

  core::Host host_;
  uint16_t port_ = 0;
  bool uses_name_ = false;  // the address map counts us
  std::string protocol_;
  std::string sni_;
  std::string method_;  // of the present request
  std::string path_;

  std::string held_;  // the client's bytes before they are judged
  network::ClientHelloReader hello_;
  size_t hello_seen_ = 0;
  std::optional<HttpSession> session_;
  bool answered_ = false;  // bytes of a response have gone to the client since its last request
  bool request_permitted_ = false;
  bool may_upgrade_ = false;  // the present request
  bool waiting_for_more_ = false;
  bool tunnel_asked_ = false;
  std::optional<Refusal> doom_;
  std::shared_ptr<Connector> connector_;
  bool attempted_ = false;
  int unrecorded_ = 0;    // attempts whose record is under way
  size_t accounted_ = 0;  // our part of what all hold back
  bool broken_ = false;
  bool in_line_ = false;  // nothing is read before there is something in the bucket again
  std::string error_;     // why it will have ended, once the farewell is over
  std::string address_;
  std::string address_rule_;  // of a private address: what allowed it
  std::string address_origin_;
  std::string rule_;
  std::string origin_;
  uint64_t bytes_out_ = 0;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point active_ = begun_;
  std::optional<Clock::time_point> head_since_;
};

}  // namespace hv::gateway
