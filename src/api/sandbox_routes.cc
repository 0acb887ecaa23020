// Sandboxes: made, listed, steered, waited for.
#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "api/handlers.h"
#include "api/pull_stream.h"
#include "http/sse.h"

namespace hv::api {

namespace {

// The value, or its error sent and nullopt.
template <typename T>
std::optional<T> or_refuse(const std::shared_ptr<Call>& call, base::Result<T> value) {
  if (value) return *std::move(value);
  call->refuse(value.error());
  return std::nullopt;
}

}  // namespace

Answer list_sandboxes(service::Service& service, const Call& call) {
  core::SandboxFilter filter;
  for (const auto& [name, value] : call.target().query) {
    if (name == "state") filter.state = HV_TRY(core::parse_state(value));
    if (name != "label") continue;
    size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0)
      return base::Failure(base::invalid_argument("'label' must be NAME=VALUE"));
    filter.labels[value.substr(0, equals)] = value.substr(equals + 1);
  }
  return list_or_error(service.list(filter));
}

Answer get_sandbox(service::Service& service, const Call& call) {
  return json_or_error(service.inspect(call.parameter()));
}

Answer post_rename(service::Service& service, const Call& call) {
  core::RenameRequest request = HV_TRY(call.body<core::RenameRequest>());
  return json_or_error(service.rename(call.parameter(), request));
}

Answer post_network(service::Service& service, const Call& call) {
  core::NetworkRequest request = HV_TRY(call.body<core::NetworkRequest>());
  return json_or_error(service.change_network(call.parameter(), request));
}

Answer get_stats(service::Service& service, const Call& call) {
  return json_or_error(service.stats(call.parameter()));
}

void post_sandbox(Context&, std::shared_ptr<Call> call) {
  auto start = or_refuse(call, call->flag("start"));
  if (!start) return;
  auto request = or_refuse(call, call->body<core::RunRequest>());
  if (request) call->service().create(std::move(*request), *start, Call::reply<core::SandboxInfo>(call, 201));
}

void delete_sandbox(Context&, std::shared_ptr<Call> call) {
  auto force = or_refuse(call, call->flag("force"));
  if (force) call->service().remove(call->parameter(), *force, Call::status_reply(call));
}

void post_start(Context&, std::shared_ptr<Call> call) {
  call->service().start(call->parameter(), Call::reply<core::SandboxInfo>(call));
}

void post_stop(Context&, std::shared_ptr<Call> call) {
  auto request = or_refuse(call, call->body<core::StopRequest>());
  if (request) call->service().stop(call->parameter(), *request, Call::reply<core::SandboxInfo>(call));
}

void post_extend(Context&, std::shared_ptr<Call> call) {
  auto request = or_refuse(call, call->body<core::ExtendRequest>());
  if (request) call->service().extend(call->parameter(), *request, Call::reply<core::SandboxInfo>(call));
}

void post_kill(Context&, std::shared_ptr<Call> call) {
  auto request = or_refuse(call, call->body<core::KillRequest>());
  if (request) call->service().kill(call->parameter(), *request, Call::status_reply(call));
}

void post_pause(Context&, std::shared_ptr<Call> call) {
  call->service().pause(call->parameter(), Call::reply<core::SandboxInfo>(call));
}

void post_resume(Context&, std::shared_ptr<Call> call) {
  call->service().resume(call->parameter(), Call::reply<core::SandboxInfo>(call));
}

void post_probe(Context&, std::shared_ptr<Call> call) {
  auto request = or_refuse(call, call->body<core::ProbeRequest>());
  if (request) call->service().probe(call->parameter(), std::move(*request), Call::reply<core::ProbeReport>(call));
}

// A long poll. The subscription lives until the outcome came or the client went, whichever is first.
void get_wait(Context& context, std::shared_ptr<Call> call) {
  auto waiting = std::make_shared<base::Subscription>();
  auto answer = Call::reply<core::Outcome>(call);
  call->exchange().on_gone([waiting] { waiting->reset(); });
  *waiting = call->service().wait(call->parameter(),
                                  [&loop = context.loop, waiting, answer](base::Result<core::Outcome> outcome) {
                                    answer(std::move(outcome));
                                    // Not here: the service may be in the middle of telling everybody who waits.
                                    loop.post([waiting] { waiting->reset(); });
                                  });
}

// Once, or as events for as long as the client listens: nothing is sampled for nobody.
void get_usage(Context& context, std::shared_ptr<Call> call) {
  auto follow = or_refuse(call, call->flag("follow"));
  if (!follow) return;
  auto interval = or_refuse(call, call->number("interval_ms"));
  if (!interval) return;
  uint64_t millis = interval->value_or(1000);
  if (millis < 100 || millis > 3'600'000)
    return call->refuse(base::invalid_argument("'interval_ms' must be from 100 to 3600000"));
  PullStream::start(context, call, [&](std::function<void()> wake) -> base::Result<PullStream::Source> {
    PullStream::Source source;
    source.head = {200, {{{"Content-Type", *follow ? "text/event-stream" : "application/json"}}}, {}};
    // The stream asks again after each piece that it sent; only the clock makes another sample.
    auto due = std::make_shared<std::atomic<bool>>(true);
    if (*follow) {
      source.head.headers.add("Cache-Control", "no-store");
      source.beat = http::kSseKeepAlive;
      source.wake = call->service().watch_usage(std::chrono::milliseconds(millis), [due, wake = std::move(wake)] {
        *due = true;
        wake();
      });
    }
    source.fetch = [service = call->shared_service(), due, follow = *follow]() -> base::Result<PullStream::Piece> {
      if (!due->exchange(false)) return PullStream::Piece{};
      std::string text = wire::to_text(HV_TRY(service->usage()));
      return PullStream::Piece{follow ? http::format_sse({"", "usage", text}) : text, !follow};
    };
    return source;
  });
}

void get_logs(Context& context, std::shared_ptr<Call> call) {
  auto follow = or_refuse(call, call->flag("follow"));
  if (!follow) return;
  PullStream::start(context, call, [&](std::function<void()> wake) -> base::Result<PullStream::Source> {
    PullStream::Source source;
    source.head = {200, {{{"Content-Type", "application/octet-stream"}}}, {}};
    if (*follow) source.wake = HV_TRY(call->service().watch_log(call->parameter(), std::move(wake)));
    source.fetch = [service = call->shared_service(), name = call->parameter(), follow = *follow,
                    offset = uint64_t{0}]() mutable -> base::Result<PullStream::Piece> {
      service::LogChunk chunk = HV_TRY(service->read_log(name, offset, 64 * 1024));
      offset = chunk.next;
      bool ended = chunk.bytes.empty() ? chunk.ended || !follow : chunk.ended;
      return PullStream::Piece{std::move(chunk.bytes), ended};
    };
    return source;
  });
}

}  // namespace hv::api
