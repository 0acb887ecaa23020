// Who may do what, and tokens.
#include "api/handlers.h"

namespace hv::api {

Answer get_access(service::Service& service, const Call&) {
  return json_or_error(service.access());
}

Answer post_access_check(service::Service& service, const Call& call) {
  auto question = HV_TRY(call.body<core::AccessQuestion>());
  return json_or_error(service.ask_access(question));
}

Answer list_tokens(service::Service& service, const Call&) {
  return list_or_error(service.tokens());
}

Answer post_token(service::Service& service, const Call& call) {
  auto request = HV_TRY(call.body<core::TokenRequest>());
  core::TokenMade made = HV_TRY(service.make_token(request));
  http::Response response = json(made, 201);
  // It is told once, and nobody on the way is to keep it.
  response.headers.add("Cache-Control", "no-store");
  return response;
}

Answer delete_token(service::Service& service, const Call& call) {
  return list_or_error(service.revoke_token(call.parameter()));
}

}  // namespace hv::api
