#include "service/daemon_service.h"

#include <unistd.h>

#include "base/text.h"
#include "service/ceiling.h"

namespace hv::service {

using base::Failure;
using base::Result;
using base::Status;
using core::Action;
using core::SandboxInfo;

// The daemon itself.

Result<core::DaemonInfo> DaemonService::daemon() {
  HV_TRY(me_.may(Action::daemon_read));
  return with_.info;
}

Status DaemonService::shut_down() {
  HV_TRY(me_.may(Action::daemon_manage));
  with_.stop();
  return {};
}

Status DaemonService::reexec(const core::ReexecRequest& request) {
  HV_TRY(me_.may(Action::daemon_manage));
  if (!request.program.starts_with('/') || ::access(request.program.c_str(), X_OK) != 0)
    return Failure(
        base::invalid_argument("cannot become '" + request.program + "': not an absolute path of an executable file"));
  with_.reexec(request.program);
  return {};
}

Result<core::DoctorReport> DaemonService::doctor(const std::string& workspace) {
  HV_TRY(me_.may(Action::daemon_read));
  return with_.doctor.doctor(workspace);
}

Result<core::ReapReport> DaemonService::reap() {
  HV_TRY(me_.may(Action::daemon_manage));
  return with_.leftovers.reap(me_.name());
}

// The life of sandboxes.

Status DaemonService::admit(core::RunRequest& request) const {
  request.caller.principal = me_.name();
  std::string agent = me_.asks_for_agents() ? with_.catalog.agent_of(request) : "";
  access::Resource about{request.name.value_or(""), agent, request.labels, me_.name()};
  HV_TRY(me_.may(Action::sandbox_create, about));
  if (Status under = put_under(request, me_.ceilings()); !under)
    return me_.refuse(Action::sandbox_create, access::Scope::built_in, std::move(under).error());
  // What changes the host's files is an apply, by whatever name.
  bool writes = !request.write.empty() || request.workspace.mode == core::WorkspaceMode::live;
  if (writes) HV_TRY(me_.may(Action::apply, about));
  if (!me_.could(Action::apply, &about)) request.copy_only = true;
  // In a home that is kept lies somebody's login.
  if (!me_.could(Action::home_read, nullptr)) request.fresh_home = true;
  return {};
}

Result<std::string> DaemonService::may_within(Action action, std::string_view sandbox) const {
  std::string id = HV_TRY(me_.may(action, sandbox));
  std::vector<std::string> ceilings = me_.ceilings();
  if (ceilings.empty()) return id;
  SandboxView view = HV_TRY(with_.life.find(id));
  if (is_under(view.ceiling, ceilings)) return id;
  return me_.refuse(action, access::Scope::built_in,
                    base::denied("sandbox '" + view.info.name + "' is not below the ceiling of " + me_.name() + ": '" +
                                 base::join(ceilings, "+") + "'")
                        .with_hint("what one may run things in is what one made oneself"),
                    id);
}

void DaemonService::create(core::RunRequest request, bool start_now, Reply<SandboxInfo> reply) {
  if (Status admitted = admit(request); !admitted) return reply(Failure(std::move(admitted).error()));
  if (!request.prove.value_or(false)) return with_.life.create(std::move(request), start_now, std::move(reply));
  if (!start_now)
    return reply(Failure(base::invalid_argument("'prove' is about a start, and this only makes a sandbox")));
  with_.probes.prove(request, [&life = with_.life, request, reply = std::move(reply)](const Result<uint64_t>& proof) {
    life.create(request, true, reply, proof);
  });
}

void DaemonService::run(core::RunRequest request, std::unique_ptr<Handover> handover) {
  if (Status admitted = admit(request); !admitted) return handover->refuse(std::move(admitted).error());
  if (!request.prove.value_or(false)) return with_.life.run(std::move(request), std::move(handover));
  // The connection waits for the proof. A start that fails for another reason fails for it here too.
  auto waiting = std::make_shared<std::unique_ptr<Handover>>(std::move(handover));
  with_.probes.prove(request, [&life = with_.life, request, waiting](const Result<uint64_t>& proof) {
    life.run(request, std::move(*waiting), proof);
  });
}

void DaemonService::exec(std::string sandbox, core::ExecRequest request, std::unique_ptr<Handover> handover) {
  Result<std::string> id = may_within(Action::exec, sandbox);
  if (!id) return handover->refuse(std::move(id).error());
  request.caller.principal = me_.name();
  with_.life.exec(*id, std::move(request), std::move(handover));
}

void DaemonService::attach(std::string sandbox, core::AttachRequest request, std::unique_ptr<Handover> handover) {
  Result<std::string> id = may_within(Action::attach, sandbox);
  if (!id) return handover->refuse(std::move(id).error());
  with_.life.attach(*id, std::move(request), std::move(handover));
}

Result<std::vector<SandboxInfo>> DaemonService::list(const core::SandboxFilter& filter) {
  std::vector<SandboxInfo> all = with_.life.list(filter);
  std::erase_if(all, [&](const SandboxInfo& info) {
    access::Resource about = resource_of(info);
    return !me_.could(Action::sandbox_read, &about);
  });
  // Who may see some is told of no others; who may see none at all is refused.
  access::Resource own{"", "", {}, me_.name()};
  if (all.empty() && !me_.could(Action::sandbox_read, &own)) HV_TRY(me_.may(Action::sandbox_read));
  return all;
}

Result<SandboxInfo> DaemonService::inspect(std::string_view sandbox) {
  std::string id = HV_TRY(me_.may(Action::sandbox_read, sandbox));
  SandboxInfo info = HV_TRY(with_.life.find(id)).info;
  with_.life.describe_behavior(info);
  // A count that cannot be made now (an apply is under way) is left out, as in lists.
  if (auto changes = with_.workspaces.count_changes(id)) info.workspace.changes = *changes;
  return info;
}

void DaemonService::start(std::string sandbox, Reply<SandboxInfo> reply) {
  Result<std::string> id = may_within(Action::sandbox_start, sandbox);
  if (!id) return reply(Failure(std::move(id).error()));
  with_.life.start(*id, std::move(reply), me_.name());
}

void DaemonService::stop(std::string sandbox, core::StopRequest request, Reply<SandboxInfo> reply) {
  Result<std::string> id = me_.may(Action::sandbox_stop, sandbox);
  if (!id) return reply(Failure(std::move(id).error()));
  with_.life.stop(*id, request, std::move(reply), me_.name());
}

// Time is a limit, and limits are a policy's.
void DaemonService::extend(std::string sandbox, core::ExtendRequest request, Reply<SandboxInfo> reply) {
  Result<std::string> id = me_.may(Action::sandbox_start, sandbox);
  if (!id) return reply(Failure(std::move(id).error()));
  if (std::vector<std::string> ceilings = me_.ceilings(); !ceilings.empty())
    return reply(me_.refuse(
        Action::sandbox_start, access::Scope::built_in,
        base::denied("more time goes beyond the ceiling of " + me_.name() + ": '" + base::join(ceilings, "+") + "'"),
        *id));
  with_.life.extend(*id, request, std::move(reply), me_.name());
}

void DaemonService::kill(std::string sandbox, core::KillRequest request, StatusReply reply) {
  Result<std::string> id = me_.may(Action::sandbox_stop, sandbox);
  if (!id) return reply(Failure(std::move(id).error()));
  with_.life.kill(*id, request, std::move(reply));
}

void DaemonService::pause(std::string sandbox, Reply<SandboxInfo> reply) {
  Result<std::string> id = me_.may(Action::sandbox_stop, sandbox);
  if (!id) return reply(Failure(std::move(id).error()));
  with_.life.pause(*id, std::move(reply), me_.name());
}

void DaemonService::resume(std::string sandbox, Reply<SandboxInfo> reply) {
  Result<std::string> id = me_.may(Action::sandbox_start, sandbox);
  if (!id) return reply(Failure(std::move(id).error()));
  with_.life.resume(*id, std::move(reply), me_.name());
}

void DaemonService::remove(std::string sandbox, bool force, StatusReply reply) {
  Result<std::string> id = me_.may(Action::sandbox_remove, sandbox);
  if (!id) return reply(Failure(std::move(id).error()));
  with_.life.remove(*id, force, std::move(reply), me_.name());
}

// A name can be what a grant goes by: who renames needs the right under both.
Result<SandboxInfo> DaemonService::rename(std::string_view sandbox, const core::RenameRequest& request) {
  std::string id = HV_TRY(me_.may(Action::sandbox_rename, sandbox));
  if (Result<SandboxView> view = with_.life.find(id)) {
    access::Resource renamed = resource_of(view->info);
    renamed.name = request.name;
    HV_TRY(me_.may(Action::sandbox_rename, renamed));
  }
  return with_.life.rename(id, request, me_.name());
}

core::Subscription DaemonService::wait(std::string sandbox, Reply<core::Outcome> reply) {
  Result<std::string> id = me_.may(Action::sandbox_read, sandbox);
  if (id) return with_.life.wait(*id, std::move(reply));
  reply(Failure(std::move(id).error()));
  return {};
}

Result<SandboxInfo> DaemonService::change_network(std::string_view sandbox, const core::NetworkRequest& given) {
  std::string id = HV_TRY(me_.may(Action::network, sandbox));
  if (std::vector<std::string> ceilings = me_.ceilings(); !ceilings.empty())
    return me_.refuse(
        Action::network, access::Scope::built_in,
        base::denied("another host goes beyond the ceiling of " + me_.name() + ": '" + base::join(ceilings, "+") + "'"),
        id);
  core::NetworkRequest request = given;
  request.caller.principal = me_.name();
  return with_.life.change_network(id, request);
}

Result<core::SandboxStats> DaemonService::stats(std::string_view sandbox) {
  std::string id = HV_TRY(me_.may(Action::sandbox_read, sandbox));
  return with_.logs.stats(id);
}

Result<core::Usage> DaemonService::usage() {
  access::Resource own{"", "", {}, me_.name()};
  bool sees_all = me_.could(Action::sandbox_read, nullptr);
  if (!sees_all && !me_.could(Action::sandbox_read, &own)) HV_TRY(me_.may(Action::sandbox_read));
  core::Usage usage = HV_TRY(with_.usage.usage());
  std::erase_if(usage.sandboxes, [&](const core::SandboxUsage& each) {
    Result<SandboxView> view = with_.life.find(each.id);
    if (!view) return !sees_all;
    access::Resource about = resource_of(view->info);
    return !me_.could(Action::sandbox_read, &about);
  });
  return usage;
}

core::Subscription DaemonService::watch_usage(std::chrono::milliseconds interval, std::function<void()> wake) {
  return with_.usage.watch(interval, std::move(wake));
}

Result<LogChunk> DaemonService::read_log(std::string_view sandbox, uint64_t offset, size_t limit) {
  std::string id = HV_TRY(offset == 0 ? me_.may(Action::logs, sandbox) : me_.may_still(Action::logs, sandbox));
  return with_.logs.read_log(id, offset, limit);
}

Result<core::Subscription> DaemonService::watch_log(std::string_view sandbox, std::function<void()> wake) {
  std::string id = HV_TRY(me_.may_still(Action::logs, sandbox));
  return with_.logs.watch_log(id, std::move(wake));
}

void DaemonService::probe(std::string sandbox, core::ProbeRequest request, Reply<core::ProbeReport> reply) {
  Result<std::string> id = may_within(Action::probe, sandbox);
  if (!id) return reply(Failure(std::move(id).error()));
  with_.probes.probe(*id, request, std::move(reply), me_.name());
}

Result<std::vector<core::ProofInfo>> DaemonService::proofs(const std::string& sandbox, size_t limit) {
  if (sandbox.empty()) {
    HV_TRY(me_.may(Action::proof_read));
    return with_.proofs.list(sandbox, limit);
  }
  std::string id = HV_TRY(me_.may(Action::proof_read, sandbox));
  return with_.proofs.list(id, limit);
}

// Workspaces.

Result<core::ChangeReport> DaemonService::diff(std::string_view sandbox, const core::DiffRequest& request) {
  std::string id = HV_TRY(me_.may(Action::diff, sandbox));
  return with_.workspaces.diff(id, request, me_.name());
}

Result<core::ApplyReport> DaemonService::apply(std::string_view sandbox, const core::ApplyRequest& request) {
  std::string id = HV_TRY(me_.may(Action::apply, sandbox));
  return with_.workspaces.apply(id, request, me_.name());
}

Result<core::PathsReport> DaemonService::discard(std::string_view sandbox, const core::DiscardRequest& request) {
  std::string id = HV_TRY(me_.may(Action::discard, sandbox));
  return with_.workspaces.discard(id, request, me_.name());
}

Result<core::PathsReport> DaemonService::undo(std::string_view sandbox) {
  std::string id = HV_TRY(me_.may(Action::undo, sandbox));
  return with_.workspaces.undo(id, me_.name());
}

Result<core::PathsReport> DaemonService::sync(std::string_view sandbox) {
  std::string id = HV_TRY(me_.may(Action::sync, sandbox));
  return with_.workspaces.sync(id, me_.name());
}

// Policies, profiles, homes.

Result<std::vector<core::PolicyInfo>> DaemonService::policies() {
  HV_TRY(me_.may(Action::policy_read));
  return with_.catalog.policies();
}

Result<core::PolicyInfo> DaemonService::policy(std::string_view name) {
  HV_TRY(me_.may(Action::policy_read));
  return with_.catalog.policy(name);
}

Result<core::PolicyInfo> DaemonService::effective_policy(std::string_view name) {
  HV_TRY(me_.may(Action::policy_read));
  return with_.policies.effective(name);
}

Result<core::PolicyReport> DaemonService::validate_policy(std::string_view name,
                                                          const core::PolicyTextRequest& request) {
  HV_TRY(me_.may(Action::policy_read));
  return with_.policies.validate(name, request);
}

Result<core::PolicyExplanation> DaemonService::explain_policy(std::string_view name) {
  HV_TRY(me_.may(Action::policy_read));
  return with_.policies.explain(name);
}

Result<core::PolicyAnswer> DaemonService::ask_policy(std::string_view name, const core::PolicyQuestion& question) {
  HV_TRY(me_.may(Action::policy_read));
  return with_.policies.ask(name, question);
}

Result<core::PolicyDiff> DaemonService::diff_policy(std::string_view name, const core::PolicyDiffRequest& request) {
  HV_TRY(me_.may(Action::policy_read));
  return with_.policies.diff(name, request);
}

// Tells what the ledger holds, of one sandbox or of all.
Result<core::PolicySimulation> DaemonService::simulate_policy(std::string_view name,
                                                              const core::PolicySimulateRequest& given) {
  HV_TRY(me_.may(Action::policy_read));
  core::PolicySimulateRequest request = given;
  // Records that come with the question tell nothing of this ledger.
  if (request.records) return with_.policies.simulate(name, request);
  if (request.sandbox)
    request.sandbox = HV_TRY(me_.may(Action::audit_read, *request.sandbox));
  else
    HV_TRY(me_.may(Action::audit_read));
  return with_.policies.simulate(name, request);
}

Result<core::PolicyLearned> DaemonService::learn_policy(std::string_view sandbox,
                                                        const core::PolicyLearnRequest& request) {
  HV_TRY(me_.may(Action::policy_read));
  std::string id = HV_TRY(me_.may(Action::audit_read, sandbox));
  // What it writes names the sandbox as it was asked for; what it looks at is what was decided about.
  return with_.policies.learn(id, sandbox, request);
}

Result<core::PolicyInfo> DaemonService::write_policy(std::string_view name, const core::PolicyWriteRequest& request) {
  HV_TRY(me_.may(Action::policy_write));
  return with_.policies.write(name, request, me_.name());
}

Result<std::vector<core::AgentInfo>> DaemonService::agents() {
  HV_TRY(me_.may(Action::agent_read));
  return with_.catalog.agents();
}

Result<core::AgentInfo> DaemonService::agent(std::string_view name) {
  HV_TRY(me_.may(Action::agent_read));
  return with_.catalog.agent(name);
}

Result<std::vector<core::HomeInfo>> DaemonService::homes() {
  HV_TRY(me_.may(Action::home_read));
  return with_.catalog.homes();
}

Status DaemonService::remove_home(std::string_view key) {
  HV_TRY(me_.may(Action::home_remove));
  return with_.catalog.remove_home(key, me_.name());
}

// The ledger.

Result<core::AuditQuery> DaemonService::may_ask(core::AuditQuery query, bool goes_on) const {
  if (query.sandbox) {
    query.sandbox = HV_TRY(goes_on ? me_.may_still(Action::audit_read, *query.sandbox)
                                   : me_.may(Action::audit_read, *query.sandbox));
  } else if (goes_on && me_.could(Action::audit_read, nullptr)) {
    return query;
  } else {
    HV_TRY(me_.may(Action::audit_read));
  }
  return query;
}

Result<core::AuditPage> DaemonService::audit_events(const core::AuditQuery& query) {
  core::AuditQuery asked = HV_TRY(may_ask(query, query.after.has_value()));
  return with_.audit.audit_events(asked);
}

Result<core::AuditRecord> DaemonService::audit_event(uint64_t index) {
  HV_TRY(me_.may(Action::audit_read));
  return with_.audit.audit_event(index);
}

Result<core::VerifyReport> DaemonService::audit_verify(bool since_last) {
  HV_TRY(me_.may(Action::audit_verify));
  return with_.audit.audit_verify(since_last);
}

Result<core::PruneReport> DaemonService::audit_prune(const core::PruneRequest& request) {
  HV_TRY(me_.may(Action::audit_prune));
  return with_.audit.audit_prune(request, me_.name());
}

Result<TextSource> DaemonService::audit_bundle(const core::AuditQuery& query,
                                               const std::optional<std::string>& remembered) {
  core::AuditQuery asked = HV_TRY(may_ask(query, false));
  return with_.audit.audit_bundle(asked, remembered);
}

core::Subscription DaemonService::watch_audit(std::function<void()> wake) {
  return with_.audit.watch_audit(std::move(wake));
}

}  // namespace hv::service
