// What a connection may do: by its name and port, by its first bytes, by each of its requests.
#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "core/redaction.h"
#include "gateway/connection.h"

namespace hv::gateway {

using core::NetworkEvent;
using core::Verdict;
using network::Decision;
using network::Protocol;
using network::Sight;

namespace {

constexpr std::string_view kTunnelOpened = "HTTP/1.1 200 Connection established\r\n\r\n";

// Here the server speaks first: waiting for the client would be waiting for ever. FTP, SSH, SMTP, POP3, IMAP, NNTP,
// MySQL, submission, RFB.
constexpr std::array<uint16_t, 10> kServerSpeaksFirst{21, 22, 25, 110, 119, 143, 587, 2222, 3306, 5900};
// Here it never does.
constexpr std::array<uint16_t, 4> kClientSpeaksFirst{80, 443, 8080, 8443};
constexpr uint16_t kGitDaemon = 9418;

bool contains(const auto& ports, uint16_t port) {
  return std::ranges::find(ports, port) != ports.end();
}

std::string spelled(const core::Host& host, uint16_t port) {
  std::string text = host.address && host.address->v6 ? "[" + host.text() + "]" : host.text();
  return text + ":" + std::to_string(port);
}

// After an upgrade everything passes unseen. A WebSocket goes on with what was requested; HTTP/2 would carry further
// requests, for other hosts and paths, and of another protocol nobody knows where rules look at requests.
bool keeps_meaning(const std::string& upgrade, bool by_request) {
  if (upgrade == "websocket") return true;
  return !by_request && upgrade.find("h2") == std::string::npos;
}

core::Host host_of(const network::Authority& authority) {
  if (!authority.is_address) return {authority.host, std::nullopt};
  auto address = core::parse_address(authority.host);
  return {address ? "" : authority.host, address ? std::optional(*address) : std::nullopt};
}

}  // namespace

void Connection::set_target(core::Host host, uint16_t port) {
  if (uses_name_) around_.names.end_use(host_.name);
  host_ = std::move(host);
  port_ = port;
  uses_name_ = around_.names.begin_use(host_.name);
}

network::Target Connection::target(Sight sight) const {
  network::Target made;
  made.name = host_.name;
  made.address = host_.address;
  made.port = port_;
  made.sight = sight;
  if (sight == Sight::seen) {
    made.method = method_;
    made.path = path_;
  }
  return made;
}

NetworkEvent Connection::event(NetworkEvent::Kind kind) const {
  NetworkEvent made;
  made.kind = kind;
  made.connection = number_;
  made.name = host_.name;
  if (host_.address) made.address = host_.address->text();
  made.port = port_;
  made.protocol = protocol_;
  made.sni = sni_;
  made.method = method_;
  made.path = path_;
  // Nothing is written down that a server would take for a password.
  core::redact_text(made.path);
  return made;
}

std::string Connection::what() const {
  if (method_.empty()) return "the connection to " + spelled(host_, port_);
  return method_ + " http://" + spelled(host_, port_) + path_;
}

void Connection::start_redirected(const core::IpAddress& destination, uint16_t port) {
  std::optional<std::string> name = around_.names.name_of(destination);
  set_target(name ? core::Host{*name, std::nullopt} : core::Host{{}, destination}, port);
  begin();
}

void Connection::start_proxied() {
  proxied_ = true;
  phase_ = Phase::proxy_head;
  update();
}

void Connection::begin() {
  auto self = shared_from_this();
  Decision decision = network::decide(around_.policy, target(Sight::pending), around_.nat64);
  if (decision.verdict != Verdict::allow) {
    doom_ = Refusal::by(decision, around_.sandbox);
    // Whoever speaks TLS cannot be told why; a web request can.
    if (port_ == 443 || contains(kServerSpeaksFirst, port_)) return refuse(Refusal(*doom_));
    phase_ = Phase::doomed;
    around_.loop.after(times_.refused, [weak = weak_from_this()] {
      auto alive = weak.lock();
      if (alive && alive->phase_ == Phase::doomed) alive->refuse(Refusal(*alive->doom_));
    });
    return update();
  }
  phase_ = Phase::first_bytes;
  // Where each request must be seen, the client has to speak first.
  if (!decision.by_request && contains(kServerSpeaksFirst, port_)) {
    on_quiet();
  } else if (!decision.by_request && !contains(kClientSpeaksFirst, port_)) {
    around_.loop.after(times_.quiet, [weak = weak_from_this()] {
      auto alive = weak.lock();
      if (alive && alive->phase_ == Phase::first_bytes && alive->held_.empty() && !alive->attempted_) alive->on_quiet();
    });
  }
  update();
}

// The client waits for the server. Its own first bytes are judged all the same before any of them is sent.
void Connection::on_quiet() {
  record_connection(Sight::hidden);
}

// Nothing of a connection goes outside before this is recorded.
void Connection::record_connection(Sight sight) {
  Decision decision = network::decide(around_.policy, target(sight), around_.nat64);
  rule_ = decision.rule_text;
  origin_ = decision.origin;
  permit(event(NetworkEvent::Kind::connection), [this] { connect(); });
}

void Connection::permit(NetworkEvent made, std::function<void()> then) {
  attempted_ = true;
  made.verdict = Verdict::allow;
  made.rule = rule_;
  made.origin = origin_;
  ++unrecorded_;
  around_.recorder.before(made, [weak = weak_from_this(), then = std::move(then)] {
    auto alive = weak.lock();
    if (!alive) return;
    --alive->unrecorded_;
    if (!alive->is_ending()) return then();
    if (alive->phase_ == Phase::over && alive->unrecorded_ == 0) alive->leave();
  });
}

void Connection::connect() {
  Sight sight = session_ ? Sight::seen : Sight::hidden;
  connector_ = Connector::start(
      around_, host_, port_, target(sight),
      [this](std::expected<Connector::Connected, Connector::Failed> result) { on_connected(std::move(result)); });
}

void Connection::on_connected(std::expected<Connector::Connected, Connector::Failed> result) {
  auto self = shared_from_this();
  connector_.reset();
  active_ = Clock::now();
  if (!result) {
    Connector::Failed& failed = result.error();
    if (failed.refusal) return refuse(*failed.refusal);
    if (!(session_ || proxied_) || answered_ || protocol_ == "tls") return break_off(failed.error);
    Refusal failure = Refusal::because("", failed.error, failed.error_number == ETIMEDOUT ? 504 : 502);
    return say_farewell(http_refusal(failure, what()), failed.error);
  }
  outside_ = Stream(std::move(result->socket));
  address_ = std::move(result->address);
  address_rule_ = std::move(result->rule);
  address_origin_ = std::move(result->origin);
  if (std::exchange(tunnel_asked_, false)) {
    if (!inside_.send(kTunnelOpened)) return break_off("ECONNRESET");
    phase_ = Phase::first_bytes;
    proxied_ = false;
    protocol_.clear();
  }
  if (!result->early.empty()) take_server(result->early);
  switch (phase_) {
    case Phase::http:
      forward();
      break;
    case Phase::connecting:
      phase_ = Phase::raw;
      to_server(std::exchange(held_, {}));
      if (inside_.ended()) outside_.end();
      break;
    case Phase::first_bytes:
      if (!held_.empty()) judge();
      if (phase_ == Phase::first_bytes && inside_.ended()) {
        phase_ = Phase::raw;
        outside_.end();
      }
      break;
    default:
      break;
  }
  if (broken_) return break_off("ECONNRESET");
  update();
}

void Connection::judge() {
  switch (network::sniff(held_)) {
    case Protocol::need_more:
      if (port_ == kGitDaemon && network::is_git_request(held_)) return judge_hidden("git");
      return wait_for_more();
    case Protocol::tls:
      protocol_ = "tls";
      return judge_hello();
    case Protocol::http1:
      return start_http();
    case Protocol::h2c:
    case Protocol::ssh:
    case Protocol::other:
      return judge_hidden(network::protocol_name(network::sniff(held_)));
  }
}

// Two letters can be the beginning of a request, or all that another protocol's client says before it listens. On the
// web's ports they are the former; elsewhere the latter after a while, where nothing depends on seeing requests.
void Connection::wait_for_more() {
  bool could_be_http = held_[0] >= ' ' && held_[0] <= '~';
  if (waiting_for_more_ || !could_be_http || contains(kClientSpeaksFirst, port_)) return;
  waiting_for_more_ = true;
  around_.loop.after(times_.quiet, [weak = weak_from_this()] {
    auto alive = weak.lock();
    if (!alive || alive->phase_ != Phase::first_bytes || network::sniff(alive->held_) != Protocol::need_more) return;
    alive->judge_hidden("other");
    if (alive->broken_) return alive->break_off("ECONNRESET");
    alive->update();
  });
}

void Connection::judge_hello() {
  using State = network::ClientHelloReader::State;
  State state = hello_.feed(std::string_view(held_).substr(hello_seen_));
  hello_seen_ = held_.size();
  if (state == State::need_more) return;
  if (state == State::malformed)
    return refuse(Refusal::because("strict TLS", "the TLS hello is malformed: " + hello_.reason()));
  if (state == State::hello) {
    sni_ = hello_.hello().server_name.value_or("");
    // The name is what was decided on. An address that is allowed as such may say what it likes: it is dialled itself.
    if (!host_.name.empty() && sni_ != host_.name)
      return refuse(Refusal::because(
          "SNI", sni_.empty() ? "the TLS hello names no server, and " + host_.name + " was asked for"
                              : "the TLS hello names " + sni_ + ", and " + host_.name + " was asked for"));
    if (hello_.hello().has_ech) protocol_ = "tls+ech";
    return judge_hidden(protocol_);
  }
  judge_hidden("other");
}

// The last word on what is not plain HTTP: its bytes are passed on unseen from here.
void Connection::judge_hidden(std::string_view protocol) {
  protocol_ = protocol;
  Decision decision = network::decide(around_.policy, target(Sight::hidden), around_.nat64);
  if (decision.verdict != Verdict::allow) return refuse(Refusal::by(decision, around_.sandbox));
  if (outside_) {
    phase_ = Phase::raw;
    to_server(std::exchange(held_, {}));
    if (inside_.ended()) outside_.end();
    return;
  }
  phase_ = Phase::connecting;
  // The server may be on its way already.
  if (!attempted_) record_connection(Sight::hidden);
}

void Connection::start_http() {
  protocol_ = "http";
  phase_ = Phase::http;
  session_.emplace(static_cast<HttpSession::Owner&>(*this));
  session_->client_bytes(std::exchange(held_, {}));
}

void Connection::take_proxy_head() {
  network::RequestHeadReader reader;
  protocol_ = "http";
  switch (reader.read(held_)) {
    case network::HeadState::need_more:
      return;
    case network::HeadState::refused:
      return refuse(Refusal::because("strict HTTP", reader.reason(), 400));
    case network::HeadState::complete:
      break;
  }
  if (reader.head().form != network::RequestHead::Form::authority) return start_http();
  held_.erase(0, reader.size());
  open_tunnel(reader.head());
}

void Connection::open_tunnel(const network::RequestHead& head) {
  method_ = head.method;
  auto where = core::parse_host_port(head.target, 443);
  if (!where) return refuse(Refusal::because("strict HTTP", where.error().message(), 400));
  set_target(std::move(where->host), where->port);
  Decision decision = network::decide(around_.policy, target(Sight::pending), around_.nat64);
  if (decision.verdict != Verdict::allow) return refuse(Refusal::by(decision, around_.sandbox));
  tunnel_asked_ = true;
  method_.clear();
  if (decision.by_request) {
    // Each request inside is to be seen before anything is dialled.
    tunnel_asked_ = false;
    phase_ = Phase::first_bytes;
    proxied_ = false;
    protocol_.clear();
    if (!inside_.send(kTunnelOpened)) return break_off("ECONNRESET");
    if (!held_.empty()) judge();
    return;
  }
  phase_ = Phase::connecting;
  record_connection(Sight::hidden);
}

// What a request says of its host has to be what the connection was made for.
std::optional<Refusal> Connection::misdirected(const network::RequestHead& head) const {
  using Form = network::RequestHead::Form;
  if (head.form == Form::authority)
    return Refusal::because("strict HTTP", "CONNECT is for the proxy at 127.0.0.1:3128 alone", 400);
  if (!head.authority) return Refusal::because("Host", "the request names no host", 400);
  if (head.form == Form::absolute && head.scheme != "http")
    return Refusal::because("strict HTTP", "a proxy request for https has to be CONNECT", 501);
  if (proxied_) return std::nullopt;
  core::Host host = host_of(*head.authority);
  // An address that is allowed as such is dialled itself, whatever name is used for it.
  bool agrees = host == host_ || (host_.address && !host.address);
  if (agrees && head.port() == port_) return std::nullopt;
  return Refusal::because(
      "Host", "the request is for " + spelled(host, head.port()) + ", and the connection for " + spelled(host_, port_));
}

void Connection::on_request(const network::RequestHead& head) {
  method_ = base::printable(head.method);
  path_ = head.path;
  answered_ = false;
  if (std::optional<Refusal> refusal = misdirected(head)) return refuse(*refusal);
  if (proxied_) {
    if (head.form != network::RequestHead::Form::absolute)
      return refuse(
          Refusal::because("strict HTTP", "this is a proxy: the request's target has to be a whole URL", 400));
    core::Host host = host_of(*head.authority);
    if (host != host_ || head.port() != port_) {
      // Another server than the last request's.
      tell_end({});
      drop_outside();
      set_target(std::move(host), head.port());
    }
  }
  network::Target wanted = target(Sight::seen);
  wanted.method = head.method;
  Decision decision = network::decide(around_.policy, wanted, around_.nat64);
  if (decision.verdict != Verdict::allow) return refuse(Refusal::by(decision, around_.sandbox));
  if (decision.by_request && !head.plain_path)
    return refuse(Refusal::because(decision.rule_text, "the request's path can be read in more than one way", 400));
  may_upgrade_ = head.upgrade && keeps_meaning(*head.upgrade, decision.by_request);
  rule_ = decision.rule_text;
  origin_ = decision.origin;
  if (!attempted_) {
    NetworkEvent connection = event(NetworkEvent::Kind::connection);
    connection.method.clear();
    connection.path.clear();
    permit(std::move(connection), [] {});
  }
  permit(event(NetworkEvent::Kind::request), [this] {
    request_permitted_ = true;
    if (!outside_) {
      // The server may be on its way since before the client spoke.
      if (!connector_) connect();
      return;
    }
    auto self = shared_from_this();
    forward();
    if (broken_) return break_off("ECONNRESET");
    update();
  });
}

// The request that was asked about, once it is recorded and there is a server for it.
void Connection::forward() {
  if (std::exchange(request_permitted_, false))
    session_->proceed(proxied_ ? HttpSession::Forward::to_origin : HttpSession::Forward::as_sent, may_upgrade_);
}

void Connection::on_malformed(bool by_client, const std::string& reason) {
  if (by_client) return refuse(Refusal::because("strict HTTP", reason, 400));
  break_off("the server's answer: " + reason);
}

void Connection::recheck() {
  if (is_ending() || phase_ == Phase::proxy_head || phase_ == Phase::doomed) return;
  auto self = shared_from_this();
  network::Target now = target(phase_ == Phase::raw ? Sight::hidden : Sight::pending);
  // What it is connected to has to be allowed still, too. (What is behind the host's proxy, that proxy alone knows.)
  auto dialled = core::parse_address(address_);
  if (outside_ && dialled && around_.proxy.choose(host_, port_) == nullptr) {
    now.address = *dialled;
    now.is_hosts_own = around_.is_hosts_own(*dialled);
  }
  Decision decision = network::decide(around_.policy, now, around_.nat64);
  if (decision.verdict != Verdict::allow) {
    answered_ = true;  // whatever is under way is cut off, not answered
    refuse(Refusal::by(decision, around_.sandbox));
  }
}

}  // namespace hv::gateway
