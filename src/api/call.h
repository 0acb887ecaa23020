// One matched request, and the ways to answer it. Internal to api/.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/exchange.h"
#include "http/target.h"
#include "service/service.h"
#include "wire/problem.h"
#include "wire/types.h"
#include "wire/validate.h"

namespace hv::api {

class Call {
 public:
  Call(std::shared_ptr<http::Exchange> exchange, http::Target target, std::vector<std::string> parameters,
       std::shared_ptr<service::Service> service)
      : exchange_(std::move(exchange)),
        target_(std::move(target)),
        parameters_(std::move(parameters)),
        service_(std::move(service)) {}

  // What stood for the pattern's {name}.
  const std::string& parameter() const { return parameters_.front(); }
  const http::Target& target() const { return target_; }
  const http::Request& request() const { return exchange_->request(); }
  http::Exchange& exchange() const { return *exchange_; }
  // For whoever sent the request; what goes on after the call keeps it by the second.
  service::Service& service() const { return *service_; }
  const std::shared_ptr<service::Service>& shared_service() const { return service_; }

  // "true", "false" or absent.
  base::Result<bool> flag(std::string_view name) const;
  base::Result<std::optional<uint64_t>> number(std::string_view name) const;

  // The body as a request type, checked.
  template <typename T>
  base::Result<T> body() const {
    T value = HV_TRY(wire::parse<T>(request().body));
    if constexpr (requires { wire::validate(value); }) HV_TRY(wire::validate(value));
    return value;
  }

  void respond(http::Response response) const;
  void refuse(const base::Error& error) const;
  // Sends what a service's reply says: any thread.
  template <typename T>
  static service::Reply<T> reply(std::shared_ptr<Call> call, int status = 200);
  static service::StatusReply status_reply(std::shared_ptr<Call> call);

 private:
  std::shared_ptr<http::Exchange> exchange_;
  http::Target target_;
  std::vector<std::string> parameters_;
  std::shared_ptr<service::Service> service_;
};

// Every answer says which API and which version it comes from.
http::Response with_identity(http::Response response);
http::Response problem(const base::Error& error);
http::Response problem(const base::Error& error, int status);
http::Response no_content();

template <typename T>
http::Response json(const T& value, int status = 200) {
  return {status, {{{"Content-Type", "application/json"}}}, wire::to_text(value)};
}

template <typename T>
base::Result<http::Response> json_or_error(const base::Result<T>& value) {
  if (!value) return base::Failure(value.error());
  return json(*value);
}

template <typename T>
base::Result<http::Response> list_or_error(base::Result<std::vector<T>> items) {
  return json(wire::List<T>{HV_TRY(std::move(items))});
}

inline base::Result<http::Response> nothing_or_error(const base::Status& status) {
  if (!status) return base::Failure(status.error());
  return no_content();
}

template <typename T>
service::Reply<T> Call::reply(std::shared_ptr<Call> call, int status) {
  return [call = std::move(call), status](base::Result<T> result) {
    result ? call->respond(json(*result, status)) : call->refuse(result.error());
  };
}

}  // namespace hv::api
