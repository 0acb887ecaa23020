// Connections that become streams of frames: run, exec, attach. The daemon parses the request, and the service gives
// the connection to the supervisor; nothing of the stream passes through here.
#include <utility>

#include "api/handlers.h"

namespace hv::api {

namespace {

constexpr std::string_view kProtocol = "hydravisor-stream";

class ExchangeHandover final : public service::Handover {
 public:
  explicit ExchangeHandover(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~ExchangeHandover() override {
    if (call_) refuse(base::internal_error("the request was dropped"));
  }

  base::Result<Socket> accept(std::string_view sandbox_name) override {
    auto call = std::exchange(call_, nullptr);
    if (!call) return base::Failure(base::internal_error("the connection was given away already"));
    http::Response head{101,
                        {{{"Connection", "Upgrade"},
                          {"Upgrade", std::string(kProtocol)},
                          {"Hydravisor-Sandbox", std::string(sandbox_name)}}},
                        {}};
    auto upgraded = call->exchange().upgrade(with_identity(std::move(head)));
    if (!upgraded) return base::Failure(base::cancelled("the client has gone: " + upgraded.error().message()));
    return Socket{std::move(upgraded->fd), std::move(upgraded->buffered)};
  }

  void refuse(base::Error error) override {
    if (auto call = std::exchange(call_, nullptr)) call->refuse(error);
  }

 private:
  std::shared_ptr<Call> call_;
};

// The request's body, if the client asked for the stream; else the answer is sent.
template <typename T>
std::optional<T> stream_request(const std::shared_ptr<Call>& call) {
  const http::Headers& headers = call->request().headers;
  if (!headers.has_token("Connection", "Upgrade") || !headers.has_token("Upgrade", kProtocol)) {
    http::Response response = problem(base::invalid_argument("this request switches to a stream")
                                          .with_hint("send Connection: Upgrade and Upgrade: " + std::string(kProtocol)),
                                      426);
    response.headers.add("Upgrade", kProtocol);
    call->respond(std::move(response));
    return std::nullopt;
  }
  auto request = call->body<T>();
  if (request) return *std::move(request);
  call->refuse(request.error());
  return std::nullopt;
}

}  // namespace

void post_run(Context&, std::shared_ptr<Call> call) {
  auto request = stream_request<core::RunRequest>(call);
  if (!request) return;
  if (request->command.empty()) return call->refuse(base::invalid_argument("'command' must not be empty"));
  call->service().run(std::move(*request), std::make_unique<ExchangeHandover>(std::move(call)));
}

void post_exec(Context&, std::shared_ptr<Call> call) {
  auto request = stream_request<core::ExecRequest>(call);
  if (!request) return;
  std::string sandbox = call->parameter();
  call->service().exec(std::move(sandbox), std::move(*request), std::make_unique<ExchangeHandover>(std::move(call)));
}

void post_attach(Context&, std::shared_ptr<Call> call) {
  auto request = stream_request<core::AttachRequest>(call);
  if (!request) return;
  std::string sandbox = call->parameter();
  call->service().attach(std::move(sandbox), *request, std::make_unique<ExchangeHandover>(std::move(call)));
}

}  // namespace hv::api
