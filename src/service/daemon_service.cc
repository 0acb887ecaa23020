#include "service/daemon_service.h"

#include <unistd.h>

namespace hv::service {

using base::Failure;
using base::Result;
using base::Status;

Status DaemonService::shut_down() {
  with_.stop();
  return {};
}

Status DaemonService::reexec(const core::ReexecRequest& request) {
  if (!request.program.starts_with('/') || ::access(request.program.c_str(), X_OK) != 0)
    return Failure(
        base::invalid_argument("cannot become '" + request.program + "': not an absolute path of an executable file"));
  with_.reexec(request.program);
  return {};
}

void DaemonService::create(core::RunRequest request, bool start_now, Reply<core::SandboxInfo> reply) {
  if (!request.prove.value_or(false)) return with_.life.create(std::move(request), start_now, std::move(reply));
  if (!start_now)
    return reply(Failure(base::invalid_argument("'prove' is about a start, and this only makes a sandbox")));
  with_.probes.prove(request, [this, request, reply = std::move(reply)](const Result<uint64_t>& proof) {
    with_.life.create(request, true, reply, proof);
  });
}

void DaemonService::run(core::RunRequest request, std::unique_ptr<Handover> handover) {
  if (!request.prove.value_or(false)) return with_.life.run(std::move(request), std::move(handover));
  // The connection waits for the proof. A start that fails for another reason fails for it here too.
  auto waiting = std::make_shared<std::unique_ptr<Handover>>(std::move(handover));
  with_.probes.prove(request, [this, request, waiting](const Result<uint64_t>& proof) {
    with_.life.run(request, std::move(*waiting), proof);
  });
}

void DaemonService::exec(std::string sandbox, core::ExecRequest request, std::unique_ptr<Handover> handover) {
  with_.life.exec(sandbox, std::move(request), std::move(handover));
}

void DaemonService::attach(std::string sandbox, core::AttachRequest request, std::unique_ptr<Handover> handover) {
  with_.life.attach(sandbox, std::move(request), std::move(handover));
}

Result<core::SandboxInfo> DaemonService::inspect(std::string_view sandbox) {
  core::SandboxInfo info = HV_TRY(with_.life.find(sandbox)).info;
  // A count that cannot be made now (an apply is under way) is left out, as in lists.
  if (auto changes = with_.workspaces.count_changes(sandbox)) info.workspace.changes = *changes;
  return info;
}

void DaemonService::stop(std::string sandbox, core::StopRequest request, Reply<core::SandboxInfo> reply) {
  with_.life.stop(sandbox, request, std::move(reply));
}

void DaemonService::kill(std::string sandbox, core::KillRequest request, StatusReply reply) {
  with_.life.kill(sandbox, request, std::move(reply));
}

Result<core::SandboxInfo> DaemonService::rename(std::string_view sandbox, const core::RenameRequest& request) {
  return with_.life.rename(sandbox, request);
}

Result<LogChunk> DaemonService::read_log(std::string_view sandbox, uint64_t offset, size_t limit) {
  return with_.logs.read_log(sandbox, offset, limit);
}

Result<core::Subscription> DaemonService::watch_log(std::string_view sandbox, std::function<void()> wake) {
  return with_.logs.watch_log(sandbox, std::move(wake));
}

void DaemonService::probe(std::string sandbox, core::ProbeRequest request, Reply<core::ProbeReport> reply) {
  with_.probes.probe(std::move(sandbox), std::move(request), std::move(reply));
}

Result<core::ChangeReport> DaemonService::diff(std::string_view sandbox, const core::DiffRequest& request) {
  return with_.workspaces.diff(sandbox, request);
}

Result<core::ApplyReport> DaemonService::apply(std::string_view sandbox, const core::ApplyRequest& request) {
  return with_.workspaces.apply(sandbox, request);
}

Result<core::PathsReport> DaemonService::discard(std::string_view sandbox, const core::DiscardRequest& request) {
  return with_.workspaces.discard(sandbox, request);
}

}  // namespace hv::service
