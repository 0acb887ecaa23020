// What is asked of policies.
#include "api/handlers.h"

namespace hv::api {

Answer get_effective_policy(service::Service& service, const Call& call) {
  return json_or_error(service.effective_policy(call.parameter()));
}

Answer get_policy_explanation(service::Service& service, const Call& call) {
  return json_or_error(service.explain_policy(call.parameter()));
}

Answer put_policy(service::Service& service, const Call& call) {
  auto request = HV_TRY(call.body<core::PolicyWriteRequest>());
  return json_or_error(service.write_policy(call.parameter(), request));
}

Answer post_policy_validate(service::Service& service, const Call& call) {
  auto request = HV_TRY(call.body<core::PolicyTextRequest>());
  return json_or_error(service.validate_policy(call.parameter(), request));
}

Answer post_policy_check(service::Service& service, const Call& call) {
  auto question = HV_TRY(call.body<core::PolicyQuestion>());
  return json_or_error(service.ask_policy(call.parameter(), question));
}

Answer post_policy_diff(service::Service& service, const Call& call) {
  auto request = HV_TRY(call.body<core::PolicyDiffRequest>());
  return json_or_error(service.diff_policy(call.parameter(), request));
}

Answer post_policy_simulate(service::Service& service, const Call& call) {
  auto request = HV_TRY(call.body<core::PolicySimulateRequest>());
  return json_or_error(service.simulate_policy(call.parameter(), request));
}

Answer post_policy_learn(service::Service& service, const Call& call) {
  auto request = HV_TRY(call.body<core::PolicyLearnRequest>());
  return json_or_error(service.learn_policy(call.parameter(), request));
}

}  // namespace hv::api
