#include "http/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace hv::http {

namespace beast = boost::beast::http;

struct RequestParser::State {
  beast::request_parser<beast::string_body> parser;
  std::string pending;  // an unfinished head: Beast wants it in one piece
  bool started = false;
  bool continued = false;
};

namespace {

std::string text(boost::beast::string_view view) {
  return {view.data(), view.size()};
}

RequestParser::Fault fault_of(const boost::beast::error_code& error) {
  if (error == beast::error::header_limit) return {431, "the request's head is too long"};
  if (error == beast::error::body_limit || error == beast::error::buffer_overflow)
    return {413, "the request's body is too long"};
  if (error == beast::error::bad_version) return {400, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  return {400, "malformed request: " + error.message()};
}

}  // namespace

RequestParser::RequestParser(Limits limits) : limits_(limits), state_(std::make_unique<State>()) {
  state_->parser.header_limit(static_cast<std::uint32_t>(limits.head));
  state_->parser.body_limit(limits.body);
  state_->parser.eager(true);
}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

bool RequestParser::started() const {
  return state_->started;
}
bool RequestParser::complete() const {
  return state_->parser.is_done();
}

std::expected<size_t, RequestParser::Fault> RequestParser::feed(std::string_view bytes) {
  State& state = *state_;
  if (!bytes.empty()) state.started = true;
  // put() takes nothing of an incomplete head or chunk line, so what it left is kept and offered again with what
  // follows.
  size_t held = state.pending.size();
  state.pending.append(bytes);
  size_t used = 0;
  while (!state.parser.is_done() && used < state.pending.size()) {
    boost::beast::error_code error;
    size_t taken =
        state.parser.put(boost::asio::buffer(state.pending.data() + used, state.pending.size() - used), error);
    used += taken;
    if (error == beast::error::need_more) {
      if (taken == 0) break;
      continue;
    }
    if (error) return std::unexpected(fault_of(error));
    if (taken == 0) break;
  }
  if (!state.parser.is_header_done() && state.pending.size() - used > limits_.head)
    return std::unexpected(Fault{431, "the request's head is too long"});
  if (state.parser.is_header_done() && !state.parser.is_done() && state.pending.size() - used > limits_.head)
    return std::unexpected(Fault{400, "malformed request: a chunk's head is too long"});
  if (state.parser.is_done()) {
    const auto& head = state.parser.get();
    if (head.version() == 11 && head.count(beast::field::host) != 1)
      return std::unexpected(Fault{400, "malformed request: exactly one Host is needed"});
    // `used` counts from the start of what was held; all of that was this request's.
    size_t consumed = used >= held ? used - held : 0;
    state.pending.clear();
    return consumed;
  }
  state.pending.erase(0, used);
  return bytes.size();
}

bool RequestParser::wants_continue() {
  State& state = *state_;
  if (state.continued || !state.parser.is_header_done() || state.parser.is_done()) return false;
  state.continued = true;
  return equals_ignoring_case(text(state.parser.get()[beast::field::expect]), "100-continue");
}

Request RequestParser::take() {
  auto message = state_->parser.release();
  Request request;
  request.method = text(message.method_string());
  request.target = text(message.target());
  request.keep_alive = message.keep_alive();
  request.http10 = message.version() < 11;
  for (const auto& field : message) request.headers.add(text(field.name_string()), text(field.value()));
  request.body = std::move(message.body());
  *this = RequestParser(limits_);
  return request;
}

}  // namespace hv::http
