// The service as the daemon offers it to one who asks: each method says its action and what it is about, and goes to
// the part that knows once that is allowed. This is the only place where anything is authorized (service/gate.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "service/access_cases.h"
#include "service/audit_cases.h"
#include "service/catalog_cases.h"
#include "service/doctor_case.h"
#include "service/gate.h"
#include "service/leftovers.h"
#include "service/life_cycle.h"
#include "service/log_cases.h"
#include "service/policy_cases.h"
#include "service/probe_case.h"
#include "service/proof_cases.h"
#include "service/service.h"
#include "service/usage_cases.h"
#include "service/workspace_cases.h"

namespace hv::service {

class DaemonService final : public Service {
 public:
  struct Parts {
    LifeCycle& life;
    WorkspaceCases& workspaces;
    AuditCases& audit;
    CatalogCases& catalog;
    PolicyCases& policies;
    ProbeCase& probes;
    const ProofCases& proofs;
    DoctorCase& doctor;
    Leftovers& leftovers;
    AccessCases& access;
    LogCases& logs;
    UsageCases& usage;
    core::DaemonInfo info;
    std::function<void()> stop;                              // ends the loop after what was answered is on its way
    std::function<void(const std::string& program)> reexec;  // the same, then becomes that program
  };
  // `parts` outlive it; so does what it starts: nothing that goes on after a call refers to this object.
  DaemonService(const Parts& parts, Visitor visitor) : with_(parts), me_(std::move(visitor)) {}

  base::Result<core::DaemonInfo> daemon() override;
  base::Status shut_down() override;
  base::Status reexec(const core::ReexecRequest& request) override;

  void create(core::RunRequest request, bool start, Reply<core::SandboxInfo> reply) override;
  void run(core::RunRequest request, std::unique_ptr<Handover> handover) override;
  void exec(std::string sandbox, core::ExecRequest request, std::unique_ptr<Handover> handover) override;
  void attach(std::string sandbox, core::AttachRequest request, std::unique_ptr<Handover> handover) override;
  base::Result<std::vector<core::SandboxInfo>> list(const core::SandboxFilter& filter) override;
  base::Result<core::SandboxInfo> inspect(std::string_view sandbox) override;
  void start(std::string sandbox, Reply<core::SandboxInfo> reply) override;
  void stop(std::string sandbox, core::StopRequest request, Reply<core::SandboxInfo> reply) override;
  void extend(std::string sandbox, core::ExtendRequest request, Reply<core::SandboxInfo> reply) override;
  void kill(std::string sandbox, core::KillRequest request, StatusReply reply) override;
  void pause(std::string sandbox, Reply<core::SandboxInfo> reply) override;
  void resume(std::string sandbox, Reply<core::SandboxInfo> reply) override;
  void remove(std::string sandbox, bool force, StatusReply reply) override;
  base::Result<core::SandboxInfo> rename(std::string_view sandbox, const core::RenameRequest& request) override;
  core::Subscription wait(std::string sandbox, Reply<core::Outcome> reply) override;
  base::Result<core::SandboxInfo> change_network(std::string_view sandbox,
                                                 const core::NetworkRequest& request) override;
  base::Result<core::SandboxStats> stats(std::string_view sandbox) override;
  base::Result<core::Usage> usage() override;
  core::Subscription watch_usage(std::chrono::milliseconds interval, std::function<void()> wake) override;
  base::Result<LogChunk> read_log(std::string_view sandbox, uint64_t offset, size_t limit) override;
  base::Result<core::Subscription> watch_log(std::string_view sandbox, std::function<void()> wake) override;
  void probe(std::string sandbox, core::ProbeRequest request, Reply<core::ProbeReport> reply) override;
  base::Result<std::vector<core::ProofInfo>> proofs(const std::string& sandbox, size_t limit) override;

  base::Result<core::ChangeReport> diff(std::string_view sandbox, const core::DiffRequest& request) override;
  base::Result<core::ApplyReport> apply(std::string_view sandbox, const core::ApplyRequest& request) override;
  base::Result<core::PathsReport> discard(std::string_view sandbox, const core::DiscardRequest& request) override;
  base::Result<core::PathsReport> undo(std::string_view sandbox) override;
  base::Result<core::PathsReport> sync(std::string_view sandbox) override;

  base::Result<std::vector<core::PolicyInfo>> policies() override;
  base::Result<core::PolicyInfo> policy(std::string_view name) override;
  base::Result<core::PolicyInfo> effective_policy(std::string_view name) override;
  base::Result<core::PolicyReport> validate_policy(std::string_view name,
                                                   const core::PolicyTextRequest& request) override;
  base::Result<core::PolicyExplanation> explain_policy(std::string_view name) override;
  base::Result<core::PolicyAnswer> ask_policy(std::string_view name, const core::PolicyQuestion& question) override;
  base::Result<core::PolicyDiff> diff_policy(std::string_view name, const core::PolicyDiffRequest& request) override;
  base::Result<core::PolicySimulation> simulate_policy(std::string_view name,
                                                       const core::PolicySimulateRequest& request) override;
  base::Result<core::PolicyLearned> learn_policy(std::string_view sandbox,
                                                 const core::PolicyLearnRequest& request) override;
  base::Result<core::PolicyInfo> write_policy(std::string_view name, const core::PolicyWriteRequest& request) override;
  base::Result<std::vector<core::AgentInfo>> agents() override;
  base::Result<core::AgentInfo> agent(std::string_view name) override;
  base::Result<std::vector<core::HomeInfo>> homes() override;
  base::Status remove_home(std::string_view key) override;
  base::Result<core::DoctorReport> doctor(const std::string& workspace) override;
  base::Result<core::ReapReport> reap() override;

  base::Result<core::AccessInfo> access() override { return with_.access.show(me_); }
  base::Result<core::AccessAnswer> ask_access(const core::AccessQuestion& question) override {
    return with_.access.ask(me_, question);
  }
  base::Result<std::vector<core::TokenInfo>> tokens() override { return with_.access.tokens(me_); }
  base::Result<core::TokenMade> make_token(const core::TokenRequest& request) override {
    return with_.access.make(me_, request);
  }
  base::Result<std::vector<core::TokenInfo>> revoke_token(std::string_view id) override {
    return with_.access.revoke(me_, id);
  }

  base::Result<core::AuditPage> audit_events(const core::AuditQuery& query) override;
  base::Result<core::AuditRecord> audit_event(uint64_t index) override;
  base::Result<core::VerifyReport> audit_verify(bool since_last) override;
  base::Result<core::PruneReport> audit_prune(const core::PruneRequest& request) override;
  base::Result<TextSource> audit_bundle(const core::AuditQuery& query,
                                        const std::optional<std::string>& remembered) override;
  core::Subscription watch_audit(std::function<void()> wake) override;

 private:
  // Whether a start that is asked for may be made, and as what: whose it is and what is above it is written into it.
  base::Status admit(core::RunRequest& request) const;
  // The sandbox's id, when one may do this to it and it is below one's own ceilings: for what runs something in it.
  base::Result<std::string> may_within(core::Action action, std::string_view sandbox) const;
  // A question about the ledger, by the id of the sandbox that it is about. `goes_on`: a further page.
  base::Result<core::AuditQuery> may_ask(core::AuditQuery query, bool goes_on) const;

  const Parts& with_;
  Visitor me_;
};

}  // namespace hv::service
