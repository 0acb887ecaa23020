#include "client/client.h"

#include <utility>

#include "base/version.h"
#include "http/client.h"
#include "wire/problem.h"
#include "wire/types.h"

namespace hv::client {

using base::Error;
using base::ErrorCode;
using base::Failure;
using base::Result;
using http::ClientConnection;

namespace {

constexpr std::string_view kApi = "1";

// An answer that says it comes from a daemon of another API, or from something else altogether.
base::Status check_api(const http::Response& response, const std::string& socket) {
  std::string_view api = response.headers.find("Hydravisor-Api");
  if (api == kApi) return {};
  if (api.empty()) return Failure(base::denied("what answers on " + socket + " is not Hydravisor's daemon"));
  return Failure(
      base::unsupported("the daemon speaks version " + std::string(api) + " of the API, this program version " +
                        std::string(kApi))
          .with_hint("use the hydravisor of the daemon's installation, or stop the daemon: hydravisor daemon stop"));
}

http::Request with_headers(http::Request request, const Access& access) {
  request.headers.add("Hydravisor-Version", base::kVersion);
  if (!access.token.empty()) request.headers.add("Authorization", "Bearer " + access.token);
  if (!request.body.empty()) request.headers.add("Content-Type", "application/json");
  return request;
}

std::unique_ptr<ClientConnection> open_on(base::Fd socket, const Access& access) {
  http::Patience patience{access.silence, [access] { return check_alive(access); }};
  return std::make_unique<ClientConnection>(std::move(socket), std::move(patience));
}

}  // namespace

Client::Client(Access access, std::unique_ptr<ClientConnection> connection)
    : access_(std::move(access)), connection_(std::move(connection)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::connect(Access access) {
  auto connection = open_on(HV_TRY(connect_daemon(access)), access);
  return Client(std::move(access), std::move(connection));
}

Result<std::unique_ptr<ClientConnection>> Client::take_connection() {
  if (connection_) return std::exchange(connection_, nullptr);
  return open_on(HV_TRY(connect_daemon(access_)), access_);
}

Result<http::Response> Client::open(std::unique_ptr<ClientConnection>& connection, const http::Request& request) {
  bool asked = false;
  bool repeated = false;
  // After a re-exec was asked for, the old daemon may still answer for a moment.
  for (int attempt = 0; attempt < 500; ++attempt) {
    auto head = connection->open(request);
    if (!head) {
      // A connection that was kept too long; only what changes nothing is asked again without knowing what became of
      // it.
      bool again = head.error().code() == ErrorCode::cancelled && (request.method == "GET" || asked) &&
                   !std::exchange(repeated, true);
      if (!again && head.error().code() == ErrorCode::cancelled)
        return Failure(base::unavailable("the daemon ended before it answered").with_hint("ask again"));
      if (!again) return Failure(std::move(head).error());
      // One that is becoming another program has no socket for a moment: a second daemon would take its place.
      connection = open_on(HV_TRY(asked ? reconnect_daemon(access_) : connect_daemon(access_)), access_);
      continue;
    }
    HV_TRY(check_api(*head, access_.socket));
    if (!head->headers.contains("Hydravisor-Outdated")) {
      if (head->status < 400) return head;
      std::string body;
      while (true) {
        std::string piece = HV_TRY(connection->read_body());
        if (piece.empty()) break;
        body += piece;
      }
      if (connection->reusable()) connection_ = std::move(connection);
      return Failure(wire::read_problem(head->status, body));
    }
    if (access_.program.empty())
      return Failure(base::conflict("the daemon is of version " +
                                    std::string(head->headers.find("Hydravisor-Outdated")) + ", this program of " +
                                    std::string(base::kVersion))
                         .with_hint("restart it: hydravisor daemon stop"));
    if (!std::exchange(asked, true)) {
      auto other = open_on(HV_TRY(connect_daemon(access_)), access_);
      http::Request reexec{"POST", "/v1/reexec", {}, wire::to_text(core::ReexecRequest{access_.program})};
      http::Response answer = HV_TRY(other->exchange(with_headers(std::move(reexec), access_)));
      if (answer.status >= 400)
        return Failure(wire::read_problem(answer.status, answer.body).with_context("bring the daemon to this version"));
    }
    connection = open_on(HV_TRY(reconnect_daemon(access_)), access_);
  }
  return Failure(
      base::unavailable("the daemon did not become a newer one").with_hint("restart it: hydravisor daemon stop"));
}

Result<std::string> Client::call(http::Request request) {
  auto connection = HV_TRY(take_connection());
  (void)HV_TRY(open(connection, with_headers(std::move(request), access_)));
  std::string body;
  while (true) {
    std::string piece = HV_TRY(connection->read_body());
    if (piece.empty()) break;
    body += piece;
  }
  if (connection->reusable()) connection_ = std::move(connection);
  return body;
}

Result<Stream> Client::upgrade(std::string target, std::string body) {
  auto connection = HV_TRY(take_connection());
  http::Request request{"POST", std::move(target), {}, std::move(body)};
  request.headers.add("Connection", "Upgrade");
  request.headers.add("Upgrade", "hydravisor-stream");
  http::Response head = HV_TRY(open(connection, with_headers(std::move(request), access_)));
  if (head.status != 101) return Failure(base::internal_error("the daemon did not switch to the stream"));
  std::string sandbox(head.headers.find("Hydravisor-Sandbox"));
  http::Upgraded upgraded = connection->release();
  return Stream(std::move(upgraded.fd), std::move(sandbox), upgraded.buffered);
}

Result<std::unique_ptr<ClientConnection>> Client::stream(std::string target, std::string_view type) {
  auto connection = HV_TRY(take_connection());
  http::Request request{"GET", std::move(target), {}, {}};
  request.headers.add("Accept", type);
  (void)HV_TRY(open(connection, with_headers(std::move(request), access_)));
  connection->be_patient();
  return connection;
}

}  // namespace hv::client
