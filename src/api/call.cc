#include "api/call.h"

#include <charconv>
#include <utility>

#include "base/version.h"

namespace hv::api {

base::Result<bool> Call::flag(std::string_view name) const {
  std::optional<std::string> value = target_.value(name);
  if (!value || *value == "false") return false;
  if (*value == "true" || value->empty()) return true;
  return base::Failure(base::invalid_argument("'" + std::string(name) + "' must be true or false"));
}

base::Result<std::optional<uint64_t>> Call::number(std::string_view name) const {
  std::optional<std::string> value = target_.value(name);
  if (!value) return std::nullopt;
  uint64_t number = 0;
  auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc{} || end != value->data() + value->size())
    return base::Failure(base::invalid_argument("'" + std::string(name) + "' must be a whole number"));
  return number;
}

http::Response with_identity(http::Response response) {
  response.headers.add("Hydravisor-Api", "1");
  response.headers.add("Hydravisor-Version", base::kVersion);
  return response;
}

http::Response problem(const base::Error& error) {
  return {
      wire::status_of(error.code()), {{{"Content-Type", std::string(wire::kProblemType)}}}, wire::problem_text(error)};
}

http::Response problem(const base::Error& error, int status) {
  return {status,
          {{{"Content-Type", std::string(wire::kProblemType)}}},
          wire::problem_text(error, status, http::reason_phrase(status))};
}

http::Response no_content() {
  return {204, {}, {}};
}

void Call::respond(http::Response response) const {
  exchange_->respond(with_identity(std::move(response)));
}
void Call::refuse(const base::Error& error) const {
  respond(problem(error));
}

service::StatusReply Call::status_reply(std::shared_ptr<Call> call) {
  return [call = std::move(call)](const base::Status& result) {
    result ? call->respond(no_content()) : call->refuse(result.error());
  };
}

}  // namespace hv::api
