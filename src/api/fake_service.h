// A service that keeps sandboxes in a map: what the API's tests talk to.
#pragma once

#include <map>
#include <mutex>

#include "base/text.h"
#include "base/unix_socket.h"
#include "core/id.h"
#include "service/service.h"

namespace hv::api {

class FakeService final : public service::Service {
 public:
  using Info = core::SandboxInfo;

  base::Result<core::DaemonInfo> daemon() override { return core::DaemonInfo{version, 42, 1, 1}; }
  base::Status shut_down() override {
    ++shutdowns;
    return {};
  }
  base::Status reexec(const core::ReexecRequest& request) override {
    reexecuted = request.program;
    return {};
  }

  void create(core::RunRequest request, bool start, service::Reply<Info> reply) override {
    reply(add(request, start ? core::SandboxState::running : core::SandboxState::created));
  }
  void run(core::RunRequest request, std::unique_ptr<service::Handover> handover) override {
    if (request.command.front() == "refuse") return handover->refuse(base::denied("no"));
    if (request.command.front() == "drop") return;
    auto socket = handover->accept(add(request, core::SandboxState::running)->name);
    if (!socket) return;
    (void)base::send_message(socket->fd.get(), "frames:" + socket->buffered);  // the client may be gone
  }
  void exec(std::string sandbox, core::ExecRequest, std::unique_ptr<service::Handover> handover) override {
    auto found = inspect(sandbox);
    if (!found) return handover->refuse(found.error());
    (void)handover->accept(found->name);
  }
  void attach(std::string sandbox, core::AttachRequest, std::unique_ptr<service::Handover> handover) override {
    exec(std::move(sandbox), {}, std::move(handover));
  }
  base::Result<std::vector<Info>> list(const core::SandboxFilter& filter) override {
    std::vector<Info> found;
    for (const auto& [name, info] : sandboxes)
      if (!filter.state || info.state == *filter.state) found.push_back(info);
    return found;
  }
  base::Result<Info> inspect(std::string_view sandbox) override {
    auto found = sandboxes.find(std::string(sandbox));
    if (found == sandboxes.end())
      return base::Failure(base::not_found("no sandbox '" + std::string(sandbox) + "'").with_hint("hydravisor ls"));
    return found->second;
  }
  void start(std::string sandbox, service::Reply<Info> reply) override { reply(inspect(sandbox)); }
  void stop(std::string sandbox, core::StopRequest request, service::Reply<Info> reply) override {
    last_grace = request.grace_ms;
    reply(inspect(sandbox));
  }
  void extend(std::string sandbox, core::ExtendRequest, service::Reply<Info> reply) override {
    reply(inspect(sandbox));
  }
  void kill(std::string sandbox, core::KillRequest, service::StatusReply reply) override { reply(found(sandbox)); }
  void pause(std::string sandbox, service::Reply<Info> reply) override { reply(inspect(sandbox)); }
  void resume(std::string sandbox, service::Reply<Info> reply) override { reply(inspect(sandbox)); }
  void remove(std::string sandbox, bool, service::StatusReply reply) override {
    base::Status status = found(sandbox);
    sandboxes.erase(sandbox);
    reply(status);
  }
  base::Result<Info> change_network(std::string_view sandbox, const core::NetworkRequest& request) override {
    Info info = HV_TRY(inspect(std::string(sandbox)));
    for (const std::string& rule : request.allow) info.network.rules.push_back({core::Verdict::allow, rule, "--allow"});
    return info;
  }
  base::Result<Info> rename(std::string_view sandbox, const core::RenameRequest& request) override {
    Info info = HV_TRY(inspect(sandbox));
    info.name = request.name;
    return info;
  }
  core::Subscription wait(std::string, service::Reply<core::Outcome> reply) override {
    waiting = std::move(reply);
    return core::Subscription([this] { ++waits_cancelled; });
  }
  base::Result<core::SandboxStats> stats(std::string_view) override {
    core::SandboxStats stats;
    stats.state = core::SandboxState::running;
    stats.memory_bytes = 1024;
    stats.processes = 3;
    return stats;
  }
  base::Result<core::Usage> usage() override {
    std::lock_guard lock(mutex);
    core::Usage usage;
    core::SandboxUsage& item = usage.sandboxes.emplace_back();
    item.id = "s0000000000000000";
    item.name = "web";
    item.stats.memory_bytes = ++usage_samples;
    return usage;
  }
  core::Subscription watch_usage(std::chrono::milliseconds interval, std::function<void()> wake) override {
    std::lock_guard lock(mutex);
    usage_interval = interval;
    usage_wake = std::move(wake);
    return core::Subscription([this] {
      std::lock_guard inner(mutex);
      usage_wake = nullptr;
    });
  }
  base::Result<service::LogChunk> read_log(std::string_view sandbox, uint64_t offset, size_t limit) override {
    (void)HV_TRY(inspect(sandbox));
    std::lock_guard lock(mutex);
    std::string bytes = offset < log.size() ? log.substr(offset, limit) : "";
    return service::LogChunk{bytes, offset + bytes.size(), log_ended && offset + bytes.size() == log.size()};
  }
  base::Result<core::Subscription> watch_log(std::string_view, std::function<void()> wake) override {
    std::lock_guard lock(mutex);
    log_wake = std::move(wake);
    return core::Subscription([] {});
  }
  base::Result<std::vector<core::ProofInfo>> proofs(const std::string& sandbox, size_t) override {
    core::ProofInfo proof;
    proof.index = 7;
    proof.sandbox = sandbox;
    proof.proof.held = true;
    proof.proof.verdicts["keyctl"] = "held";
    return std::vector{proof};
  }
  void probe(std::string sandbox, core::ProbeRequest, service::Reply<core::ProbeReport> reply) override {
    reply(core::ProbeReport{sandbox, {{"p1", "files", core::ProbeStatus::held, "EACCES", {}}}, {}});
  }

  base::Result<core::ChangeReport> diff(std::string_view sandbox, const core::DiffRequest& request) override {
    core::ChangeReport report;
    report.sandbox = sandbox;
    for (const std::string& path : request.paths) {
      core::FileChange change;
      change.path = path;
      change.hunks = {{1, 1, 1, 1, {{core::DiffLine::Kind::added, "\xff", true}}}};
      report.files.push_back(change);
    }
    return report;
  }
  base::Result<core::ApplyReport> apply(std::string_view, const core::ApplyRequest& request) override {
    return core::ApplyReport{request.paths, {}, {}, {}, request.dry_run};
  }
  base::Result<core::PathsReport> discard(std::string_view, const core::DiscardRequest& request) override {
    return core::PathsReport{request.paths, {}};
  }
  base::Result<core::PathsReport> undo(std::string_view) override {
    return base::Failure(base::conflict("nothing to undo"));
  }
  base::Result<core::PathsReport> sync(std::string_view) override { return core::PathsReport{}; }

  base::Result<std::vector<core::PolicyInfo>> policies() override {
    return std::vector<core::PolicyInfo>{{"restricted", "", core::Provenance::shipped, "/p", "", {}}};
  }
  base::Result<core::PolicyInfo> policy(std::string_view name) override {
    return core::PolicyInfo{std::string(name), "", core::Provenance::shipped, "/p", "version = 1\n", {}};
  }
  base::Result<core::PolicyInfo> effective_policy(std::string_view name) override { return policy(name); }
  base::Result<core::PolicyReport> validate_policy(std::string_view, const core::PolicyTextRequest& request) override {
    return core::PolicyReport{!request.text, {}, {}};
  }
  base::Result<core::PolicyExplanation> explain_policy(std::string_view name) override {
    return core::PolicyExplanation{std::string(name), "", {}, {}};
  }
  base::Result<core::PolicyAnswer> ask_policy(std::string_view, const core::PolicyQuestion& question) override {
    core::PolicyAnswer answer;
    answer.question = base::join(question.question, " ");
    return answer;
  }
  base::Result<core::PolicyDiff> diff_policy(std::string_view name, const core::PolicyDiffRequest& request) override {
    return core::PolicyDiff{std::string(name), request.other, {}};
  }
  base::Result<core::PolicySimulation> simulate_policy(std::string_view name,
                                                       const core::PolicySimulateRequest&) override {
    core::PolicySimulation simulation;
    simulation.policy = std::string(name);
    return simulation;
  }
  base::Result<core::PolicyLearned> learn_policy(std::string_view, const core::PolicyLearnRequest& request) override {
    return core::PolicyLearned{request.name, "version = 1\n", 0};
  }
  base::Result<core::PolicyInfo> write_policy(std::string_view name, const core::PolicyWriteRequest& request) override {
    return core::PolicyInfo{std::string(name), "", core::Provenance::user, "/p", request.text, {}};
  }
  base::Result<std::vector<core::AgentInfo>> agents() override { return std::vector<core::AgentInfo>{}; }
  base::Result<core::AgentInfo> agent(std::string_view) override { return base::Failure(base::not_found("no agent")); }
  base::Result<std::vector<core::HomeInfo>> homes() override { return std::vector<core::HomeInfo>{}; }
  base::Status remove_home(std::string_view) override { return {}; }
  base::Result<core::DoctorReport> doctor(const std::string&) override { return core::DoctorReport{true, {}}; }
  base::Result<core::ReapReport> reap() override {
    return core::ReapReport{{{core::LeftoverKind::socket, "/s/control.sock", "its supervisor was killed", ""}}};
  }

  base::Result<core::AccessInfo> access() override {
    core::AccessInfo info;
    info.principal = "user:" + std::to_string(entered.uid);
    return info;
  }
  base::Result<core::AccessAnswer> ask_access(const core::AccessQuestion& question) override {
    core::AccessAnswer answer;
    answer.action = question.action;
    return answer;
  }
  base::Result<std::vector<core::TokenInfo>> tokens() override { return std::vector<core::TokenInfo>{}; }
  base::Result<core::TokenMade> make_token(const core::TokenRequest& request) override {
    core::TokenMade made;
    made.token = "hv_x";
    made.info.principal = request.principal;
    return made;
  }
  base::Result<std::vector<core::TokenInfo>> revoke_token(std::string_view id) override {
    core::TokenInfo token;
    token.id = std::string(id);
    return std::vector<core::TokenInfo>{token};
  }

  // Everybody is let in who does not show a token that is wrong.
  service::Entrance entrance() {
    return [this](const service::Credentials& credentials) -> base::Result<std::shared_ptr<service::Service>> {
      if (credentials.token == "wrong") return base::Failure(base::denied("the token is not valid here"));
      entered = credentials;
      return std::shared_ptr<service::Service>(std::shared_ptr<void>(), this);
    };
  }
  service::Credentials entered;  // the last

  base::Result<core::AuditPage> audit_events(const core::AuditQuery& query) override {
    std::lock_guard lock(mutex);
    asked = query;
    core::AuditPage page;
    for (const core::AuditRecord& record : ledger) {
      if (query.after && record.index <= *query.after) continue;
      if (page.records.size() == query.limit) {
        page.complete = false;
        break;
      }
      page.seen = record.index;
      if (query.since && record.event.wall < *query.since) continue;
      if (!query.kind || record.event.kind.starts_with(*query.kind)) page.records.push_back(record);
    }
    return page;
  }
  base::Result<core::AuditRecord> audit_event(uint64_t index) override {
    std::lock_guard lock(mutex);
    if (index >= ledger.size()) return base::Failure(base::not_found("no record"));
    return ledger[index];
  }
  base::Result<core::VerifyReport> audit_verify(bool since_last) override {
    return core::VerifyReport{true, "o", 9, 9, since_last ? 5u : 0u, 1, "", "", {}};
  }
  base::Result<core::PruneReport> audit_prune(const core::PruneRequest& request) override {
    return core::PruneReport{.first = 0, .last = 9, .journal_bytes = request.max_bytes.value_or(1)};
  }
  base::Result<service::TextSource> audit_bundle(const core::AuditQuery&,
                                                 const std::optional<std::string>& remembered) override {
    if (remembered && *remembered != "note\n") return base::Failure(base::conflict("another past"));
    return [left = 3]() mutable -> base::Result<std::optional<std::string>> {
      if (left-- == 0) return std::optional<std::string>();
      return "line\n";
    };
  }
  core::Subscription watch_audit(std::function<void()> wake) override {
    std::lock_guard lock(mutex);
    audit_wake = std::move(wake);
    return core::Subscription([this] {
      std::lock_guard inner(mutex);
      audit_wake = nullptr;
    });
  }

  void prune(size_t count) {
    std::lock_guard lock(mutex);
    ledger.erase(ledger.begin(), ledger.begin() + static_cast<ptrdiff_t>(count));
  }
  core::AuditQuery asked;  // the last question to the ledger

  // What tests do to it.
  std::chrono::milliseconds sampled_every() {
    std::lock_guard lock(mutex);
    return usage_interval;
  }
  void sample() {
    std::lock_guard lock(mutex);
    if (usage_wake) usage_wake();
  }
  void record(std::string kind) {
    std::lock_guard lock(mutex);
    core::AuditRecord entry;
    entry.index = ledger.size();
    entry.event.kind = std::move(kind);
    entry.event.wall = base::system_clock().wall();
    ledger.push_back(std::move(entry));
    if (audit_wake) audit_wake();
  }
  void write_log(std::string_view bytes, bool ended) {
    std::lock_guard lock(mutex);
    log.append(bytes);
    log_ended = ended;
    if (log_wake) log_wake();
  }

  std::string version = "0.1.0";
  std::map<std::string, Info> sandboxes;
  service::Reply<core::Outcome> waiting;
  int waits_cancelled = 0;
  int shutdowns = 0;
  uint64_t last_grace = 0;
  std::string reexecuted;

 private:
  base::Status found(const std::string& sandbox) {
    (void)HV_TRY(inspect(sandbox));
    return {};
  }
  base::Result<Info> add(const core::RunRequest& request, core::SandboxState state) {
    Info info;
    info.id = "s0000000000000000";
    info.name = request.name.value_or("invented");
    info.state = state;
    info.command = request.command;
    if (!sandboxes.emplace(info.name, info).second)
      return base::Failure(base::already_exists("a sandbox '" + info.name + "' exists"));
    return info;
  }

  std::mutex mutex;  // guards what follows: read on the pool
  std::vector<core::AuditRecord> ledger;
  uint64_t usage_samples = 0;
  std::chrono::milliseconds usage_interval{0};
  std::function<void()> usage_wake;
  std::function<void()> audit_wake;
  std::string log;
  bool log_ended = false;
  std::function<void()> log_wake;
};

}  // namespace hv::api
