// The daemon itself, what it found on this machine, and its data files.
#include "api/handlers.h"

namespace hv::api {

Answer get_version(service::Service& service, const Call&) {
  return json_or_error(service.daemon());
}

Answer post_shutdown(service::Service& service, const Call&) {
  return nothing_or_error(service.shut_down());
}

Answer post_reexec(service::Service& service, const Call& call) {
  core::ReexecRequest request = HV_TRY(call.body<core::ReexecRequest>());
  return nothing_or_error(service.reexec(request));
}

Answer get_doctor(service::Service& service, const Call& call) {
  return json_or_error(service.doctor(call.target().value("workspace").value_or("")));
}

Answer list_proofs(service::Service& service, const Call& call) {
  uint64_t limit = HV_TRY(call.number("limit")).value_or(100);
  if (limit < 1 || limit > 1000) return base::Failure(base::invalid_argument("'limit' must be from 1 to 1000"));
  return list_or_error(service.proofs(call.target().value("sandbox").value_or(""), limit));
}

Answer post_reap(service::Service& service, const Call&) {
  return json_or_error(service.reap());
}

Answer list_policies(service::Service& service, const Call&) {
  return list_or_error(service.policies());
}

Answer get_policy(service::Service& service, const Call& call) {
  return json_or_error(service.policy(call.parameter()));
}

Answer list_agents(service::Service& service, const Call&) {
  return list_or_error(service.agents());
}

Answer get_agent(service::Service& service, const Call& call) {
  return json_or_error(service.agent(call.parameter()));
}

Answer list_homes(service::Service& service, const Call&) {
  return list_or_error(service.homes());
}

Answer delete_home(service::Service& service, const Call& call) {
  return nothing_or_error(service.remove_home(call.parameter()));
}

}  // namespace hv::api
