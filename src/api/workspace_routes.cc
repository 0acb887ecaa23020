// What changed in a sandbox's workspace, and what becomes of it.
#include "api/handlers.h"

namespace hv::api {

Answer get_diff(service::Service& service, const Call& call) {
  core::DiffRequest request;
  request.statistics_only = HV_TRY(call.flag("statistics"));
  for (const auto& [name, value] : call.target().query) {
    if (name == "path") request.paths.push_back(value);
    if (name == "format" && value != "json")
      return base::Failure(
          base::unsupported("the only format is json").with_hint("hydravisor diff prints it as a patch"));
  }
  return json_or_error(service.diff(call.parameter(), request));
}

Answer post_apply(service::Service& service, const Call& call) {
  core::ApplyRequest request = HV_TRY(call.body<core::ApplyRequest>());
  return json_or_error(service.apply(call.parameter(), request));
}

Answer post_discard(service::Service& service, const Call& call) {
  core::DiscardRequest request = HV_TRY(call.body<core::DiscardRequest>());
  return json_or_error(service.discard(call.parameter(), request));
}

Answer post_undo(service::Service& service, const Call& call) {
  return json_or_error(service.undo(call.parameter()));
}

Answer post_sync(service::Service& service, const Call& call) {
  return json_or_error(service.sync(call.parameter()));
}

}  // namespace hv::api
