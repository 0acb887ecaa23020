#include "gateway/connection.h"

#include <algorithm>
#include <cerrno>

#include <sys/epoll.h>

namespace hv::gateway {

namespace {

// A first head that is longer is refused by its own reader; this bounds what is none.
constexpr size_t kMostHeld = 80 * 1024;
// What a connection may hold and read at once where all together hold too much.
constexpr size_t kFair = 4 * 1024;
constexpr int kBuffersAtOnce = 8;

}  // namespace

Connection::Connection(Surroundings& around, uint64_t number, base::Fd inside, const Times& times,
                       std::function<void(uint64_t)> gone)
    : around_(around), number_(number), times_(times), gone_(std::move(gone)), inside_(std::move(inside)) {}

Connection::~Connection() {
  inside_.forget(around_.loop);
  outside_.forget(around_.loop);
  if (uses_name_) around_.names.end_use(host_.name);
  around_.held -= accounted_;
}

bool Connection::wants_client() const {
  if (inside_.ended() || in_line_) return false;
  switch (phase_) {
    case Phase::proxy_head:
    case Phase::first_bytes:
      return held_.size() < kMostHeld;
    case Phase::doomed:
    case Phase::refusing:
      return true;
    case Phase::connecting:
    case Phase::refused:
    case Phase::over:
      return false;
    case Phase::raw:
      return outside_ && outside_.waiting() == 0;
    case Phase::http:
      return session_->wants_client() && (!outside_ || outside_.waiting() == 0);
  }
  return false;
}

bool Connection::wants_server() const {
  if (!outside_ || outside_.ended() || in_line_ || inside_.waiting() != 0) return false;
  return phase_ == Phase::raw || phase_ == Phase::http || phase_ == Phase::first_bytes;
}

bool Connection::in_head() const {
  if (phase_ == Phase::proxy_head || phase_ == Phase::first_bytes) return !held_.empty();
  return phase_ == Phase::http && session_->in_head();
}

void Connection::account() {
  size_t now = held_.size() + inside_.waiting() + outside_.waiting() + (session_ ? session_->held() : 0);
  around_.held = around_.held - accounted_ + now;
  accounted_ = now;
}

size_t Connection::most_at_once() const {
  return around_.is_crowded() ? kFair : SIZE_MAX;
}

void Connection::update() {
  if (phase_ == Phase::over) return;
  account();
  if (in_head() && around_.is_crowded() && accounted_ > kFair)
    return refuse(Refusal::because("memory", "too many unfinished requests at once", 400));
  auto events = [](bool in, const Stream& stream) {
    return (in ? uint32_t{EPOLLIN} : 0u) | (stream.waiting() != 0 ? uint32_t{EPOLLOUT} : 0u);
  };
  inside_.wait_for(around_.loop, events(wants_client(), inside_), [this](uint32_t now) { on_inside(now); });
  outside_.wait_for(around_.loop, events(wants_server(), outside_), [this](uint32_t now) { on_outside(now); });
  if (!in_head()) {
    head_since_.reset();
  } else if (!head_since_) {
    head_since_ = Clock::now();
  }
}

void Connection::on_inside(uint32_t events) {
  auto self = shared_from_this();
  active_ = Clock::now();
  if ((events & EPOLLOUT) != 0 && !inside_.flush()) return break_off(errno_name(inside_.error()));
  read(inside_, events, [this] { return wants_client(); });
}

void Connection::on_outside(uint32_t events) {
  auto self = shared_from_this();
  active_ = Clock::now();
  if ((events & EPOLLOUT) != 0 && !outside_.flush()) return break_off(errno_name(outside_.error()));
  read(outside_, events, [this] { return wants_server(); });
}

template <typename Wants>
void Connection::read(Stream& from, uint32_t events, Wants wants) {
  bool is_client = &from == &inside_;
  bool readable = (events & ~uint32_t{EPOLLOUT}) != 0;
  if (readable && !wants() && (events & EPOLLERR) != 0) return break_off("ECONNRESET");
  // While whole buffers come, a few more are taken before others have their turn.
  int turns = around_.rate.holds() ? 1 : kBuffersAtOnce;
  for (int i = 0; readable && i < turns && wants(); ++i) {
    size_t most = around_.rate.allowance();
    if (most == 0) {
      wait_in_line();
      break;
    }
    if (phase_ == Phase::raw && from.is_bulk() && !around_.is_crowded()) {
      readable = pass_on(from, is_client ? outside_ : inside_, most);
      continue;
    }
    std::string_view bytes;
    Stream::Got got = from.receive(bytes, std::min(most, most_at_once()));
    around_.rate.take(bytes.size());
    readable = got == Stream::Got::bytes && bytes.size() == Stream::kBuffer;
    if (got == Stream::Got::broken) return break_off(errno_name(from.error()));
    if (got == Stream::Got::bytes) {
      is_client ? take_client(bytes) : take_server(bytes);
    } else if (got == Stream::Got::end) {
      is_client ? client_ended() : server_ended();
    }
  }
  if (broken_) return break_off("ECONNRESET");
  bool is_tunnel = phase_ == Phase::raw || (phase_ == Phase::http && session_->is_tunnel());
  if (is_tunnel && inside_.closed() && outside_.closed()) return finish({});
  update();
}

// What nobody looks at any more. True while there may be more.
bool Connection::pass_on(Stream& from, Stream& to, size_t most) {
  bool is_client = &from == &inside_;
  size_t bytes = 0;
  Stream::Got got = from.splice_to(to, bytes, most);
  around_.rate.take(bytes);
  if (is_client) {
    bytes_out_ += bytes;
  } else if (bytes != 0) {
    answered_ = true;
  }
  if (got == Stream::Got::broken) {
    broken_ = true;
  } else if (got == Stream::Got::end) {
    is_client ? client_ended() : server_ended();
  }
  return got == Stream::Got::bytes && from.is_bulk();
}

void Connection::wait_in_line() {
  in_line_ = true;
  around_.rate.wait([weak = weak_from_this()] {
    auto alive = weak.lock();
    if (!alive) return;
    alive->in_line_ = false;
    alive->update();
  });
}

void Connection::take_client(std::string_view bytes) {
  switch (phase_) {
    case Phase::proxy_head:
      held_.append(bytes);
      return take_proxy_head();
    case Phase::first_bytes:
      held_.append(bytes);
      return judge();
    case Phase::doomed:
      if (network::sniff(bytes) == network::Protocol::http1) proxied_ = true;  // it will understand an answer
      return refuse(Refusal(*doom_));
    case Phase::raw:
      return to_server(bytes);
    case Phase::http:
      return session_->client_bytes(bytes);
    case Phase::connecting:
    case Phase::refused:
    case Phase::refusing:
    case Phase::over:
      return;
  }
}

void Connection::take_server(std::string_view bytes) {
  if (phase_ == Phase::http) return session_->server_bytes(bytes);
  to_client(bytes);
}

void Connection::client_ended() {
  switch (phase_) {
    case Phase::raw:
      return outside_.end();
    case Phase::http:
      // In the middle of a response its end is waited for: some programs close their half after asking.
      if (session_->is_tunnel()) return outside_.end();
      if (session_->is_idle()) return finish({});
      if (session_->in_head()) return break_off("the client broke off");
      return;
    case Phase::first_bytes:
      // What has come is all that will: half a hello is none, and the rest is judged as hidden.
      if (protocol_ == "tls") return refuse(Refusal::because("strict TLS", "the TLS hello is not whole"));
      if (!held_.empty()) return judge_hidden("other");
      if (outside_) {
        phase_ = Phase::raw;
        return outside_.end();
      }
      return finish({});
    case Phase::doomed:
      return refuse(Refusal(*doom_));
    case Phase::proxy_head:
    case Phase::refused:
    case Phase::refusing:
    case Phase::connecting:
    case Phase::over:
      return finish({});
  }
}

void Connection::server_ended() {
  if (phase_ == Phase::http && !session_->is_tunnel()) return session_->server_ended();
  // One that ends before the client has spoken may still listen: what the client says is judged all the same.
  inside_.end();
}

void Connection::to_server(std::string_view bytes) {
  if (!outside_) return;
  bytes_out_ += bytes.size();
  if (!outside_.send(bytes)) broken_ = true;
}

void Connection::to_client(std::string_view bytes) {
  answered_ = true;
  if (!inside_.send(bytes)) broken_ = true;
}

void Connection::on_finished() {
  say_farewell({}, {});
}

// The last bytes to the client; what it still sends is read and dropped, because a socket closed with unread bytes is
// reset, and the client might lose what it was told.
void Connection::say_farewell(const std::string& bytes, std::string error) {
  drop_outside();
  phase_ = Phase::refusing;
  active_ = Clock::now();
  error_ = std::move(error);
  if (!inside_.send(bytes)) return break_off(error_);
  inside_.end();
  update();
}

void Connection::drop_outside() {
  outside_.close(around_.loop);
}

void Connection::refuse(const Refusal& refusal) {
  if (is_ending()) return;
  core::NetworkEvent refused =
      event(session_ ? core::NetworkEvent::Kind::request : core::NetworkEvent::Kind::connection);
  refused.verdict = refusal.verdict;
  refused.rule = refusal.rule;
  refused.origin = refusal.origin;
  refused.error = refusal.reason;
  around_.refusals.add(refused);
  if (attempted_) return turn_away(refusal);
  // Whoever is refused at once would be gone before anybody has seen who it was.
  phase_ = Phase::refused;
  around_.recorder.when_heard([weak = weak_from_this(), refusal] {
    auto alive = weak.lock();
    if (alive && alive->phase_ == Phase::refused) alive->turn_away(refusal);
  });
  update();
}

void Connection::turn_away(const Refusal& refusal) {
  bool understands = (session_ || proxied_) && !answered_ && protocol_ != "tls";
  if (!understands) return break_off(refusal.rule);
  say_farewell(http_refusal(refusal, what()), refusal.rule);
}

void Connection::break_off(const std::string& error) {
  if (phase_ == Phase::over) return;
  // A reset, so that what was cut off is not taken for whole.
  inside_.reset(around_.loop);
  outside_.reset(around_.loop);
  finish(error);
}

void Connection::finish(const std::string& error) {
  if (phase_ == Phase::over) return;
  auto self = weak_from_this().lock();
  phase_ = Phase::over;
  connector_.reset();
  if (!error.empty()) error_ = error;
  inside_.close(around_.loop);
  outside_.close(around_.loop);
  if (unrecorded_ == 0) leave();
}

void Connection::leave() {
  tell_end(error_);
  gone_(number_);
}

void Connection::end() {
  auto self = shared_from_this();
  finish({});
  // One that was recorded and dialled is told of whatever else waits.
  if (unrecorded_ != 0 && !address_.empty()) tell_end(error_);
}

void Connection::tell_end(const std::string& error) {
  if (!std::exchange(attempted_, false)) return;
  core::NetworkEvent ended = event(core::NetworkEvent::Kind::connection);
  ended.verdict = core::Verdict::allow;
  // What a private address was reached by is known since it was dialled, and tells more than what its name was.
  ended.rule = address_rule_.empty() ? rule_ : address_rule_;
  ended.origin = address_rule_.empty() ? origin_ : address_origin_;
  ended.method.clear();
  ended.path.clear();
  ended.address = address_;
  ended.bytes_in = inside_.sent();
  ended.bytes_out = bytes_out_;
  ended.duration_ms =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun_).count());
  ended.error = error;
  around_.recorder.told(ended);
}

void Connection::sweep(Clock::time_point now) {
  auto self = shared_from_this();
  auto waited = now - active_;
  switch (phase_) {
    case Phase::proxy_head:
    case Phase::first_bytes:
    case Phase::http:
      if (head_since_ && now - *head_since_ > times_.head)
        return refuse(Refusal::because("time", "the first message or request did not become whole in time", 400));
      if (!outside_ && !attempted_ && waited > times_.first) return finish({});
      if (waited > (outside_.ended() ? times_.half : times_.idle)) return break_off("idle");
      return;
    case Phase::doomed:
      if (waited > times_.refused) refuse(Refusal(*doom_));
      return;
    case Phase::refusing:
      // A slow reader has time for what it was sent.
      if (waited > (inside_.waiting() != 0 ? times_.half : times_.farewell)) finish({});
      return;
    case Phase::raw:
      if (waited > (inside_.ended() || outside_.ended() ? times_.half : times_.idle)) break_off("idle");
      return;
    case Phase::connecting:
    case Phase::refused:
    case Phase::over:
      return;
  }
}

}  // namespace hv::gateway
