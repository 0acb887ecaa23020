#include "gateway/http_session.h"

namespace hv::gateway {

using network::HeadState;
using network::HttpBodyReader;
using network::HttpFraming;

void HttpSession::malformed(bool by_client, const std::string& reason) {
  state_ = State::over;
  owner_.on_malformed(by_client, reason);
}

void HttpSession::client_bytes(std::string_view bytes) {
  if (state_ == State::tunnel) return owner_.to_server(bytes);
  held_.append(bytes);
  advance();
}

void HttpSession::advance() {
  if (state_ == State::head && !held_.empty()) {
    if (!request_) request_.emplace();
    HeadState read = request_->read(held_);
    if (read == HeadState::refused) return malformed(true, request_->reason());
    if (read == HeadState::need_more) return;
    state_ = State::asking;
    return owner_.on_request(request_->head());
  }
  if (state_ != State::body) return;
  size_t count = request_body_->feed(held_);
  if (request_body_->state() == HttpBodyReader::State::refused) return malformed(true, request_body_->reason());
  std::string passed = held_.substr(0, count);
  held_.erase(0, count);
  bool complete = request_body_->state() == HttpBodyReader::State::complete;
  if (complete) state_ = State::waiting;
  if (!passed.empty()) owner_.to_server(passed);
  if (complete && response_done_) end_of_exchange();
}

void HttpSession::proceed(Forward form, bool may_upgrade) {
  if (state_ != State::asking) return;
  bool changed = request_->head().upgrade && !may_upgrade;
  network::RequestHead head = changed ? network::without_upgrade(request_->head()) : request_->head();
  std::string text = form == Forward::to_origin ? network::to_origin_text(head)
                     : changed                  ? network::to_text(head)
                                                : held_.substr(0, request_->size());
  held_.erase(0, request_->size());
  asked_ = {head.method, head.upgrade.has_value()};
  request_keeps_alive_ = head.keep_alive;
  response_done_ = false;
  response_.emplace(asked_);
  response_body_.reset();
  state_ = State::waiting;
  if (head.framing.kind != HttpFraming::Kind::none) {
    request_body_.emplace(head.framing);
    // A body of length 0 has ended before its first byte.
    if (request_body_->state() == HttpBodyReader::State::need_more) state_ = State::body;
  }
  request_.reset();
  owner_.to_server(text);
  if (!held_.empty()) advance();
}

void HttpSession::server_bytes(std::string_view bytes) {
  if (state_ == State::tunnel) return owner_.to_client(bytes);
  if (response_body_) return take_response_body(bytes);
  if (!response_ || response_done_) return malformed(false, "the server spoke without being asked");
  response_held_.append(bytes);
  on_response_head();
}

void HttpSession::on_response_head() {
  for (;;) {
    HeadState read = response_->read(response_held_);
    if (read == HeadState::refused) return malformed(false, response_->reason());
    if (read == HeadState::need_more) return;
    network::ResponseHead head = response_->head();
    std::string text = response_held_.substr(0, response_->size());
    response_held_.erase(0, response_->size());
    response_.emplace(asked_);
    if (head.is_interim()) {
      owner_.to_client(text);
      if (response_held_.empty()) return;
      continue;
    }
    response_keeps_alive_ = head.keep_alive;
    response_kind_ = head.framing.kind;
    std::string rest = std::move(response_held_);
    response_held_.clear();
    if (head.framing.kind == HttpFraming::Kind::tunnel) {
      state_ = State::tunnel;
      std::string waiting = std::move(held_);
      held_.clear();
      owner_.to_client(text);
      if (!rest.empty()) owner_.to_client(rest);
      if (!waiting.empty()) owner_.to_server(waiting);
      return;
    }
    response_body_.emplace(head.framing);
    owner_.to_client(text);
    return take_response_body(rest);
  }
}

void HttpSession::take_response_body(std::string_view bytes) {
  bool none = response_kind_ == HttpFraming::Kind::none;
  size_t count = none ? 0 : response_body_->feed(bytes);
  if (response_body_->state() == HttpBodyReader::State::refused) return malformed(false, response_body_->reason());
  if (count != 0) owner_.to_client(bytes.substr(0, count));
  if (!none && response_body_->state() != HttpBodyReader::State::complete) return;
  response_body_.reset();
  response_.reset();
  response_done_ = true;
  if (count < bytes.size()) return malformed(false, "the server sent more than its response");
  if (state_ == State::waiting) end_of_exchange();
}

void HttpSession::end_of_exchange() {
  if (!request_keeps_alive_ || !response_keeps_alive_ || response_kind_ == HttpFraming::Kind::until_close) {
    state_ = State::over;
    return owner_.on_finished();
  }
  state_ = State::head;
  response_done_ = false;
  if (!held_.empty()) advance();
}

void HttpSession::server_ended() {
  if (state_ == State::over) return;
  bool whole = is_idle() || (response_body_ && response_kind_ == HttpFraming::Kind::until_close);
  if (!whole) return malformed(false, "the server broke off");
  state_ = State::over;
  owner_.on_finished();
}

}  // namespace hv::gateway
