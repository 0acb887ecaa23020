// The typed calls: a method, a target and the types that go in and out.
#include <utility>

#include "client/client.h"
#include "http/client.h"
#include "http/target.h"
#include "wire/types.h"

namespace hv::client {

using base::Result;
using base::Status;
using http::Request;

namespace {

Request get(std::string target) {
  return {"GET", std::move(target), {}, {}};
}
Request post(std::string target, std::string body = {}) {
  return {"POST", std::move(target), {}, std::move(body)};
}
Request erase(std::string target) {
  return {"DELETE", std::move(target), {}, {}};
}

std::string of_sandbox(std::string_view sandbox, std::string_view verb = {}) {
  std::string target = "/v1/sandboxes/" + http::escape(sandbox);
  return verb.empty() ? target : target.append("/").append(verb);
}

std::string of_policy(std::string_view name, std::string_view verb) {
  return "/v1/policies/" + http::escape(name) + std::string(verb);
}

class Query {
 public:
  explicit Query(std::string target) : target_(std::move(target)) {}
  Query& add(std::string_view name, std::string_view value) {
    target_.append(std::exchange(first_, false) ? "?" : "&").append(name).append("=").append(http::escape(value));
    return *this;
  }
  Query& add_if(std::string_view name, const std::optional<std::string>& value) {
    return value ? add(name, *value) : *this;
  }
  std::string take() { return std::move(target_); }

 private:
  std::string target_;
  bool first_ = true;
};

Query audit_query(std::string target, const core::AuditQuery& query) {
  Query out(std::move(target));
  out.add_if("sandbox", query.sandbox).add_if("kind", query.kind).add_if("principal", query.principal);
  out.add_if("path", query.path).add_if("host", query.host).add_if("verdict", query.verdict).add_if("text", query.text);
  if (query.risk) out.add("risk", core::risk_name(*query.risk));
  if (query.since) out.add("since", base::to_rfc3339(*query.since));
  if (query.until) out.add("until", base::to_rfc3339(*query.until));
  if (query.after) out.add("after", std::to_string(*query.after));
  return out;
}

template <typename T>
Result<T> read(Result<std::string> body) {
  std::string text = HV_TRY(std::move(body));
  return wire::parse<T>(text);
}

template <typename T>
Result<std::vector<T>> read_list(Result<std::string> body) {
  wire::List<T> list = HV_TRY(read<wire::List<T>>(std::move(body)));
  return std::move(list.items);
}

Status nothing(const Result<std::string>& body) {
  return body ? Status() : Status(base::Failure(body.error()));
}

}  // namespace

Result<core::DaemonInfo> Client::daemon() {
  return read<core::DaemonInfo>(call(get("/v1/version")));
}
Status Client::shut_down() {
  return nothing(call(post("/v1/shutdown")));
}
Status Client::reexec(const core::ReexecRequest& request) {
  return nothing(call(post("/v1/reexec", wire::to_text(request))));
}

Result<core::SandboxInfo> Client::create(const core::RunRequest& request, bool start) {
  return read<core::SandboxInfo>(
      call(post(start ? "/v1/sandboxes?start=true" : "/v1/sandboxes", wire::to_text(request))));
}
Result<Stream> Client::run(const core::RunRequest& request) {
  return upgrade("/v1/run", wire::to_text(request));
}
Result<Stream> Client::exec(std::string_view sandbox, const core::ExecRequest& request) {
  return upgrade(of_sandbox(sandbox, "exec"), wire::to_text(request));
}
Result<Stream> Client::attach(std::string_view sandbox, const core::AttachRequest& request) {
  return upgrade(of_sandbox(sandbox, "attach"), wire::to_text(request));
}

Result<std::vector<core::SandboxInfo>> Client::list(const core::SandboxFilter& filter) {
  Query query("/v1/sandboxes");
  for (const auto& [name, value] : filter.labels) query.add("label", name + "=" + value);
  if (filter.state) query.add("state", core::state_name(*filter.state));
  return read_list<core::SandboxInfo>(call(get(query.take())));
}
Result<core::SandboxInfo> Client::inspect(std::string_view sandbox) {
  return read<core::SandboxInfo>(call(get(of_sandbox(sandbox))));
}
Result<core::SandboxInfo> Client::start(std::string_view sandbox) {
  return read<core::SandboxInfo>(call(post(of_sandbox(sandbox, "start"))));
}
Result<core::SandboxInfo> Client::stop(std::string_view sandbox, const core::StopRequest& request) {
  return read<core::SandboxInfo>(call(post(of_sandbox(sandbox, "stop"), wire::to_text(request))));
}
Result<core::SandboxInfo> Client::extend(std::string_view sandbox, const core::ExtendRequest& request) {
  return read<core::SandboxInfo>(call(post(of_sandbox(sandbox, "extend"), wire::to_text(request))));
}
Status Client::kill(std::string_view sandbox, const core::KillRequest& request) {
  return nothing(call(post(of_sandbox(sandbox, "kill"), wire::to_text(request))));
}
Result<core::SandboxInfo> Client::pause(std::string_view sandbox) {
  return read<core::SandboxInfo>(call(post(of_sandbox(sandbox, "pause"))));
}
Result<core::SandboxInfo> Client::resume(std::string_view sandbox) {
  return read<core::SandboxInfo>(call(post(of_sandbox(sandbox, "resume"))));
}
Status Client::remove(std::string_view sandbox, bool force) {
  return nothing(call(erase(of_sandbox(sandbox) + (force ? "?force=true" : ""))));
}
Result<core::SandboxInfo> Client::rename(std::string_view sandbox, const core::RenameRequest& request) {
  return read<core::SandboxInfo>(call(post(of_sandbox(sandbox, "rename"), wire::to_text(request))));
}
Result<core::SandboxInfo> Client::change_network(std::string_view sandbox, const core::NetworkRequest& request) {
  return read<core::SandboxInfo>(call(post(of_sandbox(sandbox, "network"), wire::to_text(request))));
}
Result<core::Outcome> Client::wait(std::string_view sandbox) {
  return read<core::Outcome>(call(get(of_sandbox(sandbox, "wait"))));
}
Result<core::SandboxStats> Client::stats(std::string_view sandbox) {
  return read<core::SandboxStats>(call(get(of_sandbox(sandbox, "stats"))));
}
Result<core::Usage> Client::usage() {
  return read<core::Usage>(call(get("/v1/usage")));
}
Result<UsageReader> Client::usage_samples(std::chrono::milliseconds interval) {
  std::string target = "/v1/usage?follow=true&interval_ms=" + std::to_string(interval.count());
  return UsageReader(HV_TRY(stream(std::move(target), "text/event-stream")));
}
Result<ByteReader> Client::logs(std::string_view sandbox, bool follow) {
  return ByteReader(
      HV_TRY(stream(of_sandbox(sandbox, "logs") + (follow ? "?follow=true" : ""), "application/octet-stream")));
}
Result<core::ProbeReport> Client::probe(std::string_view sandbox, const core::ProbeRequest& request) {
  return read<core::ProbeReport>(call(post(of_sandbox(sandbox, "probe"), wire::to_text(request))));
}

Result<std::vector<core::ProofInfo>> Client::proofs(std::string_view sandbox, uint64_t limit) {
  Query query("/v1/proofs");
  if (!sandbox.empty()) query.add("sandbox", sandbox);
  query.add("limit", std::to_string(limit));
  return read_list<core::ProofInfo>(call(get(query.take())));
}

Result<core::ChangeReport> Client::diff(std::string_view sandbox, const core::DiffRequest& request) {
  Query query(of_sandbox(sandbox, "diff"));
  for (const std::string& path : request.paths) query.add("path", path);
  if (request.statistics_only) query.add("statistics", "true");
  return read<core::ChangeReport>(call(get(query.take())));
}
Result<core::ApplyReport> Client::apply(std::string_view sandbox, const core::ApplyRequest& request) {
  return read<core::ApplyReport>(call(post(of_sandbox(sandbox, "apply"), wire::to_text(request))));
}
Result<core::PathsReport> Client::discard(std::string_view sandbox, const core::DiscardRequest& request) {
  return read<core::PathsReport>(call(post(of_sandbox(sandbox, "discard"), wire::to_text(request))));
}
Result<core::PathsReport> Client::undo(std::string_view sandbox) {
  return read<core::PathsReport>(call(post(of_sandbox(sandbox, "undo"))));
}
Result<core::PathsReport> Client::sync(std::string_view sandbox) {
  return read<core::PathsReport>(call(post(of_sandbox(sandbox, "sync"))));
}

Result<std::vector<core::PolicyInfo>> Client::policies() {
  return read_list<core::PolicyInfo>(call(get("/v1/policies")));
}
Result<core::PolicyInfo> Client::policy(std::string_view name) {
  return read<core::PolicyInfo>(call(get("/v1/policies/" + http::escape(name))));
}
Result<core::PolicyInfo> Client::effective_policy(std::string_view name) {
  return read<core::PolicyInfo>(call(get(of_policy(name, "/effective"))));
}
Result<core::PolicyReport> Client::validate_policy(std::string_view name, const core::PolicyTextRequest& request) {
  return read<core::PolicyReport>(call(post(of_policy(name, "/validate"), wire::to_text(request))));
}
Result<core::PolicyExplanation> Client::explain_policy(std::string_view name) {
  return read<core::PolicyExplanation>(call(get(of_policy(name, "/explain"))));
}
Result<core::PolicyAnswer> Client::ask_policy(std::string_view name, const core::PolicyQuestion& question) {
  return read<core::PolicyAnswer>(call(post(of_policy(name, "/check"), wire::to_text(question))));
}
Result<core::PolicyDiff> Client::diff_policies(std::string_view before, std::string_view after) {
  core::PolicyDiffRequest request{std::string(after)};
  return read<core::PolicyDiff>(call(post(of_policy(before, "/diff"), wire::to_text(request))));
}
Result<core::PolicySimulation> Client::simulate_policy(std::string_view name,
                                                       const core::PolicySimulateRequest& request) {
  return read<core::PolicySimulation>(call(post(of_policy(name, "/simulate"), wire::to_text(request))));
}
Result<core::PolicyLearned> Client::learn_policy(std::string_view sandbox, const core::PolicyLearnRequest& request) {
  return read<core::PolicyLearned>(call(post(of_sandbox(sandbox, "learn"), wire::to_text(request))));
}
Result<core::PolicyInfo> Client::write_policy(std::string_view name, const core::PolicyWriteRequest& request) {
  return read<core::PolicyInfo>(call({"PUT", of_policy(name, ""), {}, wire::to_text(request)}));
}
Result<std::vector<core::AgentInfo>> Client::agents() {
  return read_list<core::AgentInfo>(call(get("/v1/agents")));
}
Result<core::AgentInfo> Client::agent(std::string_view name) {
  return read<core::AgentInfo>(call(get("/v1/agents/" + http::escape(name))));
}
Result<std::vector<core::HomeInfo>> Client::homes() {
  return read_list<core::HomeInfo>(call(get("/v1/homes")));
}
Status Client::remove_home(std::string_view key) {
  return nothing(call(erase("/v1/homes/" + http::escape(key))));
}
Result<core::ReapReport> Client::reap() {
  return read<core::ReapReport>(call(post("/v1/doctor/reap")));
}
Result<core::DoctorReport> Client::doctor(const std::string& workspace) {
  Query target("/v1/doctor");
  if (!workspace.empty()) target.add("workspace", workspace);
  return read<core::DoctorReport>(call(get(target.take())));
}

Result<core::AccessInfo> Client::access() {
  return read<core::AccessInfo>(call(get("/v1/access")));
}
Result<core::AccessAnswer> Client::ask_access(const core::AccessQuestion& question) {
  return read<core::AccessAnswer>(call(post("/v1/access/check", wire::to_text(question))));
}
Result<std::vector<core::TokenInfo>> Client::tokens() {
  return read_list<core::TokenInfo>(call(get("/v1/tokens")));
}
Result<core::TokenMade> Client::make_token(const core::TokenRequest& request) {
  return read<core::TokenMade>(call(post("/v1/tokens", wire::to_text(request))));
}
Result<std::vector<core::TokenInfo>> Client::revoke_token(std::string_view id) {
  return read_list<core::TokenInfo>(call(erase("/v1/tokens/" + http::escape(id))));
}

Result<core::AuditPage> Client::audit_events(const core::AuditQuery& query) {
  Query asked = audit_query("/v1/audit/events", query);
  if (query.before) asked.add("before", std::to_string(*query.before));
  if (query.newest_first) asked.add("order", "newest");
  std::string target = asked.add("limit", std::to_string(query.limit)).take();
  return read<core::AuditPage>(call(get(std::move(target))));
}
Result<core::AuditRecord> Client::audit_event(uint64_t index) {
  return read<core::AuditRecord>(call(get("/v1/audit/events/" + std::to_string(index))));
}
Result<core::VerifyReport> Client::audit_verify(bool since_last) {
  return read<core::VerifyReport>(call(post(since_last ? "/v1/audit/verify?since=last" : "/v1/audit/verify")));
}
Result<core::PruneReport> Client::audit_prune(const core::PruneRequest& request) {
  return read<core::PruneReport>(call(post("/v1/audit/prune", wire::to_text(request))));
}
Result<RecordReader> Client::audit_tail(const core::AuditQuery& query) {
  return RecordReader(HV_TRY(stream(audit_query("/v1/audit/tail", query).take(), "text/event-stream")));
}
Result<RecordReader> Client::events(std::optional<uint64_t> after) {
  std::string target = after ? "/v1/events?after=" + std::to_string(*after) : "/v1/events";
  return RecordReader(HV_TRY(stream(std::move(target), "text/event-stream")));
}
Result<ByteReader> Client::audit_export(const core::AuditQuery& query) {
  std::string target = audit_query("/v1/audit/export", query).add("format", std::string_view("jsonl")).take();
  return ByteReader(HV_TRY(stream(std::move(target), "application/x-ndjson")));
}

Result<ByteReader> Client::audit_bundle(const core::AuditQuery& query, const std::optional<std::string>& remembered) {
  Query asked = audit_query("/v1/audit/export", query);
  if (query.before) asked.add("before", std::to_string(*query.before));
  std::string target = asked.add("format", std::string_view("bundle")).add_if("checkpoint", remembered).take();
  return ByteReader(HV_TRY(stream(std::move(target), "application/x-ndjson")));
}

}  // namespace hv::client
