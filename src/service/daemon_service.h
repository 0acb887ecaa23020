// The service as the daemon offers it: each method goes to the part that knows.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "service/audit_cases.h"
#include "service/catalog_cases.h"
#include "service/doctor_case.h"
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
    std::string principal;
    LogCases& logs;
    UsageCases& usage;
    core::DaemonInfo info;
    std::function<void()> stop;                              // ends the loop after what was answered is on its way
    std::function<void(const std::string& program)> reexec;  // the same, then becomes that program
  };
  explicit DaemonService(Parts parts) : with_(std::move(parts)) {}

  core::DaemonInfo daemon() override { return with_.info; }
  base::Status shut_down() override;
  base::Status reexec(const core::ReexecRequest& request) override;

  void create(core::RunRequest request, bool start, Reply<core::SandboxInfo> reply) override;
  void run(core::RunRequest request, std::unique_ptr<Handover> handover) override;
  void exec(std::string sandbox, core::ExecRequest request, std::unique_ptr<Handover> handover) override;
  void attach(std::string sandbox, core::AttachRequest request, std::unique_ptr<Handover> handover) override;
  std::vector<core::SandboxInfo> list(const core::SandboxFilter& filter) override { return with_.life.list(filter); }
  base::Result<core::SandboxInfo> inspect(std::string_view sandbox) override;
  void start(std::string sandbox, Reply<core::SandboxInfo> reply) override {
    with_.life.start(sandbox, std::move(reply));
  }
  void stop(std::string sandbox, core::StopRequest request, Reply<core::SandboxInfo> reply) override;
  void extend(std::string sandbox, core::ExtendRequest request, Reply<core::SandboxInfo> reply) override {
    with_.life.extend(sandbox, request, std::move(reply));
  }
  void kill(std::string sandbox, core::KillRequest request, StatusReply reply) override;
  void pause(std::string sandbox, Reply<core::SandboxInfo> reply) override {
    with_.life.pause(sandbox, std::move(reply));
  }
  void resume(std::string sandbox, Reply<core::SandboxInfo> reply) override {
    with_.life.resume(sandbox, std::move(reply));
  }
  void remove(std::string sandbox, bool force, StatusReply reply) override {
    with_.life.remove(sandbox, force, std::move(reply));
  }
  base::Result<core::SandboxInfo> rename(std::string_view sandbox, const core::RenameRequest& request) override;
  core::Subscription wait(std::string sandbox, Reply<core::Outcome> reply) override {
    return with_.life.wait(sandbox, std::move(reply));
  }
  base::Result<core::SandboxInfo> change_network(std::string_view sandbox,
                                                 const core::NetworkRequest& request) override {
    return with_.life.change_network(sandbox, request);
  }
  base::Result<core::SandboxStats> stats(std::string_view sandbox) override { return with_.logs.stats(sandbox); }
  base::Result<core::Usage> usage() override { return with_.usage.usage(); }
  core::Subscription watch_usage(std::chrono::milliseconds interval, std::function<void()> wake) override {
    return with_.usage.watch(interval, std::move(wake));
  }
  base::Result<LogChunk> read_log(std::string_view sandbox, uint64_t offset, size_t limit) override;
  base::Result<core::Subscription> watch_log(std::string_view sandbox, std::function<void()> wake) override;
  void probe(std::string sandbox, core::ProbeRequest request, Reply<core::ProbeReport> reply) override;

  base::Result<std::vector<core::ProofInfo>> proofs(const std::string& sandbox, size_t limit) override {
    return with_.proofs.list(sandbox, limit);
  }

  base::Result<core::ChangeReport> diff(std::string_view sandbox, const core::DiffRequest& request) override;
  base::Result<core::ApplyReport> apply(std::string_view sandbox, const core::ApplyRequest& request) override;
  base::Result<core::PathsReport> discard(std::string_view sandbox, const core::DiscardRequest& request) override;
  base::Result<core::PathsReport> undo(std::string_view sandbox) override { return with_.workspaces.undo(sandbox); }
  base::Result<core::PathsReport> sync(std::string_view sandbox) override { return with_.workspaces.sync(sandbox); }

  base::Result<std::vector<core::PolicyInfo>> policies() override { return with_.catalog.policies(); }
  base::Result<core::PolicyInfo> policy(std::string_view name) override { return with_.catalog.policy(name); }
  base::Result<core::PolicyInfo> effective_policy(std::string_view name) override {
    return with_.policies.effective(name);
  }
  base::Result<core::PolicyReport> validate_policy(std::string_view name,
                                                   const core::PolicyTextRequest& request) override {
    return with_.policies.validate(name, request);
  }
  base::Result<core::PolicyExplanation> explain_policy(std::string_view name) override {
    return with_.policies.explain(name);
  }
  base::Result<core::PolicyAnswer> ask_policy(std::string_view name, const core::PolicyQuestion& question) override {
    return with_.policies.ask(name, question);
  }
  base::Result<core::PolicyDiff> diff_policy(std::string_view name, const core::PolicyDiffRequest& request) override {
    return with_.policies.diff(name, request);
  }
  base::Result<core::PolicySimulation> simulate_policy(std::string_view name,
                                                       const core::PolicySimulateRequest& request) override {
    return with_.policies.simulate(name, request);
  }
  base::Result<core::PolicyLearned> learn_policy(std::string_view sandbox,
                                                 const core::PolicyLearnRequest& request) override {
    return with_.policies.learn(sandbox, request);
  }
  base::Result<core::PolicyInfo> write_policy(std::string_view name, const core::PolicyWriteRequest& request) override {
    return with_.policies.write(name, request);
  }
  base::Result<std::vector<core::AgentInfo>> agents() override { return with_.catalog.agents(); }
  base::Result<core::AgentInfo> agent(std::string_view name) override { return with_.catalog.agent(name); }
  base::Result<std::vector<core::HomeInfo>> homes() override { return with_.catalog.homes(); }
  base::Status remove_home(std::string_view key) override { return with_.catalog.remove_home(key); }
  base::Result<core::DoctorReport> doctor(const std::string& workspace) override {
    return with_.doctor.doctor(workspace);
  }
  base::Result<core::ReapReport> reap() override { return with_.leftovers.reap(with_.principal); }

  base::Result<core::AuditPage> audit_events(const core::AuditQuery& query) override {
    return with_.audit.audit_events(query);
  }
  base::Result<core::AuditRecord> audit_event(uint64_t index) override { return with_.audit.audit_event(index); }
  base::Result<core::VerifyReport> audit_verify(bool since_last) override {
    return with_.audit.audit_verify(since_last);
  }
  base::Result<core::PruneReport> audit_prune(const core::PruneRequest& request) override {
    return with_.audit.audit_prune(request);
  }
  base::Result<TextSource> audit_bundle(const core::AuditQuery& query,
                                        const std::optional<std::string>& remembered) override {
    return with_.audit.audit_bundle(query, remembered);
  }
  core::Subscription watch_audit(std::function<void()> wake) override {
    return with_.audit.watch_audit(std::move(wake));
  }

 private:
  Parts with_;
};

}  // namespace hv::service
