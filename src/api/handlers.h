// Every handler of the table in routes.cc; one .cc file for each group of resources.
#pragma once

#include "api/routes.h"

namespace hv::api {

// daemon_routes.cc
Answer get_version(service::Service& service, const Call& call);
Answer post_shutdown(service::Service& service, const Call& call);
Answer post_reexec(service::Service& service, const Call& call);
Answer get_doctor(service::Service& service, const Call& call);
Answer list_proofs(service::Service& service, const Call& call);
Answer post_reap(service::Service& service, const Call& call);
Answer list_policies(service::Service& service, const Call& call);
Answer get_policy(service::Service& service, const Call& call);
// policy_routes.cc
Answer get_effective_policy(service::Service& service, const Call& call);
Answer get_policy_explanation(service::Service& service, const Call& call);
Answer put_policy(service::Service& service, const Call& call);
Answer post_policy_validate(service::Service& service, const Call& call);
Answer post_policy_check(service::Service& service, const Call& call);
Answer post_policy_diff(service::Service& service, const Call& call);
Answer post_policy_simulate(service::Service& service, const Call& call);
Answer post_policy_learn(service::Service& service, const Call& call);

Answer list_agents(service::Service& service, const Call& call);
Answer get_agent(service::Service& service, const Call& call);
Answer list_homes(service::Service& service, const Call& call);
Answer delete_home(service::Service& service, const Call& call);

// sandbox_routes.cc
Answer list_sandboxes(service::Service& service, const Call& call);
Answer get_sandbox(service::Service& service, const Call& call);
Answer post_rename(service::Service& service, const Call& call);
Answer post_network(service::Service& service, const Call& call);
Answer get_stats(service::Service& service, const Call& call);
void get_usage(Context& context, std::shared_ptr<Call> call);
void post_sandbox(Context& context, std::shared_ptr<Call> call);
void delete_sandbox(Context& context, std::shared_ptr<Call> call);
void post_start(Context& context, std::shared_ptr<Call> call);
void post_stop(Context& context, std::shared_ptr<Call> call);
void post_extend(Context& context, std::shared_ptr<Call> call);
void post_kill(Context& context, std::shared_ptr<Call> call);
void post_pause(Context& context, std::shared_ptr<Call> call);
void post_resume(Context& context, std::shared_ptr<Call> call);
void get_wait(Context& context, std::shared_ptr<Call> call);
void get_logs(Context& context, std::shared_ptr<Call> call);
void post_probe(Context& context, std::shared_ptr<Call> call);

// stream_routes.cc
void post_run(Context& context, std::shared_ptr<Call> call);
void post_exec(Context& context, std::shared_ptr<Call> call);
void post_attach(Context& context, std::shared_ptr<Call> call);

// workspace_routes.cc
Answer get_diff(service::Service& service, const Call& call);
Answer post_apply(service::Service& service, const Call& call);
Answer post_discard(service::Service& service, const Call& call);
Answer post_undo(service::Service& service, const Call& call);
Answer post_sync(service::Service& service, const Call& call);

// access_routes.cc
Answer get_access(service::Service& service, const Call& call);
Answer post_access_check(service::Service& service, const Call& call);
Answer list_tokens(service::Service& service, const Call& call);
Answer post_token(service::Service& service, const Call& call);
Answer delete_token(service::Service& service, const Call& call);

// audit_routes.cc
Answer list_audit_events(service::Service& service, const Call& call);
Answer get_audit_event(service::Service& service, const Call& call);
Answer post_audit_verify(service::Service& service, const Call& call);
Answer post_audit_prune(service::Service& service, const Call& call);
void get_audit_tail(Context& context, std::shared_ptr<Call> call);
void get_audit_export(Context& context, std::shared_ptr<Call> call);
void get_events(Context& context, std::shared_ptr<Call> call);

}  // namespace hv::api
