#include "api/server.h"

#include <charconv>
#include <optional>
#include <utility>

#include <unistd.h>

#include "api/pull_stream.h"
#include "api/routes.h"
#include "base/text.h"
#include "http/server.h"

namespace hv::api {

namespace {

using base::Error;

// 0.10.2 is newer than 0.9: number by number.
bool is_newer(std::string_view version, std::string_view than) {
  while (!version.empty() || !than.empty()) {
    auto next = [](std::string_view& text) {
      unsigned number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);  // what is no number counts as 0
      size_t dot = text.find('.');
      text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
      return number;
    };
    unsigned a = next(version);
    unsigned b = next(than);
    if (a != b) return a > b;
  }
  return false;
}

bool lists(std::string_view names, std::string_view name) {
  for (const std::string& known : base::split(names, ','))
    if (known == name) return true;
  return false;
}

// What the table says about the request, before its handler sees it. Nullopt: go on.
std::optional<http::Response> check(const Route& route, const http::Request& request, const http::Target& target) {
  for (const auto& [name, value] : target.query) {
    if (lists(route.query, name)) continue;
    Error error = base::invalid_argument("unknown query parameter '" + base::printable(name) + "'");
    std::vector<std::string> known = base::split(route.query, ',');
    if (auto near = base::nearest(name, known)) error = std::move(error).with_hint("did you mean '" + *near + "'?");
    return problem(error);
  }
  if (request.body.empty()) return std::nullopt;
  if (!route.body) return problem(base::invalid_argument("this request takes no body"));
  std::string_view type = request.headers.find("Content-Type");
  type = type.substr(0, type.find(';'));
  if (type.empty() || http::equals_ignoring_case(type, "application/json")) return std::nullopt;
  return problem(base::invalid_argument("the body must be application/json"), 415);
}

// What was shown does not tell who sends this (RFC 6750).
http::Response unauthorized(const Error& error) {
  http::Response response = error.code() == base::ErrorCode::denied ? problem(error, 401) : problem(error);
  if (response.status == 401) response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

// Who sends this: by the kernel's word, and by the token that the request carries. Of two, nobody can say which is
// meant.
base::Result<service::Credentials> credentials_of(const http::Exchange& exchange) {
  service::Credentials credentials{exchange.peer().uid, ""};
  bool seen = false;
  for (const auto& [name, value] : exchange.request().headers.fields) {
    if (!http::equals_ignoring_case(name, "Authorization")) continue;
    constexpr std::string_view kScheme = "Bearer ";
    bool bearer = value.size() > kScheme.size() &&
                  http::equals_ignoring_case(std::string_view(value).substr(0, kScheme.size()), kScheme);
    if (std::exchange(seen, true) || !bearer)
      return base::Failure(base::denied("'Authorization' must be given once, as: Bearer TOKEN"));
    credentials.token = value.substr(kScheme.size());
  }
  return credentials;
}

}  // namespace

struct Server::State {
  State(http::Loop& loop, service::Entrance entrance_of, std::string own_version)
      : context{loop, pool, {}}, entrance(std::move(entrance_of)), version(std::move(own_version)) {}

  void handle(std::shared_ptr<http::Exchange> exchange);
  void dispatch(const Route& route, std::shared_ptr<Call> call);

  Context context;
  service::Entrance entrance;
  std::string version;
  WorkerPool pool;  // after what its tasks use, so that it is joined before
  std::unique_ptr<http::Server> server;
};

void Server::State::handle(std::shared_ptr<http::Exchange> exchange) {
  const http::Request& request = exchange->request();
  auto answer = [&](http::Response response) { exchange->respond(with_identity(std::move(response))); };
  auto target = http::parse_target(request.target);
  if (!target) return answer(problem(target.error()));
  Match found = match(request.method, target->segments);
  if (found.route == nullptr && found.allowed.empty())
    return answer(problem(base::not_found("nothing is at " + base::printable(request.target.substr(0, 200)))));
  if (found.route == nullptr) {
    http::Response response = problem(base::invalid_argument("only " + found.allowed + " is possible here"), 405);
    response.headers.add("Allow", found.allowed);
    return answer(std::move(response));
  }
  if (!found.route->any_version && is_newer(request.headers.find("Hydravisor-Version"), version)) {
    http::Response response = problem(base::conflict("the daemon is of version " + version + ", older than what asks"));
    response.headers.add("Hydravisor-Outdated", version);
    return answer(std::move(response));
  }
  if (auto refusal = check(*found.route, request, *target)) return answer(std::move(*refusal));
  auto credentials = credentials_of(*exchange);
  if (!credentials) return answer(unauthorized(credentials.error()));
  auto service = entrance(*credentials);
  if (!service) return answer(unauthorized(service.error()));
  dispatch(*found.route, std::make_shared<Call>(std::move(exchange), std::move(*target), std::move(found.parameters),
                                                *std::move(service)));
}

void Server::State::dispatch(const Route& route, std::shared_ptr<Call> call) {
  if (route.open != nullptr) return route.open(context, std::move(call));
  auto run = [plain = route.on_loop != nullptr ? route.on_loop : route.on_pool, call] {
    Answer result = plain(call->service(), *call);
    result ? call->respond(std::move(*result)) : call->refuse(result.error());
  };
  if (route.on_loop != nullptr) return run();
  if (!pool.submit(run)) call->refuse(base::unavailable("the daemon is busy").with_hint("ask again"));
}

Server::Server(http::Loop& loop, base::Fd listener, service::Entrance entrance, ServerOptions options)
    : state_(std::make_unique<State>(loop, std::move(entrance), std::move(options.version))) {
  http::ServerOptions http_options;
  http_options.admits = [others = std::move(options.admits)](const base::PeerCredentials& peer) {
    return peer.uid == ::geteuid() || peer.uid == 0 || (others && others(peer));
  };
  http_options.refused = std::move(options.refused);
  http_options.fault = [](int status, std::string_view message) {
    Error error = status == 403 ? base::denied(std::string(message)) : base::invalid_argument(std::string(message));
    return with_identity(problem(error, status));
  };
  State* state = state_.get();
  state_->server = std::make_unique<http::Server>(
      loop, std::move(listener), std::move(http_options),
      [state](std::shared_ptr<http::Exchange> exchange) { state->handle(std::move(exchange)); });
}

Server::~Server() {
  state_->server.reset();
  auto streams = std::exchange(state_->context.streams, {});
  for (const auto& stream : streams) stream->stop();
}

size_t Server::connections() const {
  return state_->server->connections();
}

}  // namespace hv::api
