#include "service/workspace_cases.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/format.h"
#include "base/text.h"
#include "service/file_record.h"
#include "wire/types.h"
#include "workspace/file_listing.h"
#include "workspace/git_layout.h"

namespace hv::service {

using base::Failure;
using base::Result;
using base::Status;
namespace json = base::json;

namespace {

// A ledger entry names this many paths; `count` says how many there were.
constexpr size_t kNamedPaths = 200;

json::Array bounded(const std::vector<std::string>& paths) {
  json::Array out;
  for (const std::string& path : paths) {
    if (out.size() == kNamedPaths) break;
    out.emplace_back(path);
  }
  return out;
}

json::Array bounded(const std::vector<core::Refusal>& refusals) {
  json::Array out;
  for (const core::Refusal& refusal : refusals) {
    if (out.size() == kNamedPaths) break;
    out.emplace_back(refusal.path);
  }
  return out;
}

json::Object describe(const core::ApplyRequest& request) {
  return {{"paths", bounded(request.paths)},
          {"accepted", bounded(request.accept)},
          {"by_hunk", request.hunks.size()},
          {"force", request.force},
          {"digest", request.digest}};
}

json::Object describe(const core::ApplyReport& report) {
  json::Array commits;
  for (const core::RefChange& ref : report.refs)
    if (commits.size() < kNamedPaths)
      commits.push_back(json::Object{{"ref", ref.name}, {"from", ref.old_id}, {"to", ref.new_id}});
  return {{"count", report.applied.size()},
          {"paths", bounded(report.applied)},
          {"held", bounded(report.held)},
          {"conflicts", bounded(report.conflicts)},
          {"commits", std::move(commits)}};
}

json::Object describe(const core::PathsReport& report) {
  return {{"count", report.paths.size()}, {"paths", bounded(report.paths)}, {"conflicts", bounded(report.conflicts)}};
}

// What follows the verb on the command line that was meant.
std::string quoted(const std::string& sandbox, const std::vector<std::string>& paths) {
  std::string out = sandbox;
  for (const std::string& path : paths) out += " " + base::shell_quote(base::printable(path));
  return out;
}

bool is_alive(core::SandboxState state) {
  using core::SandboxState;
  return state != SandboxState::created && state != SandboxState::stopped && state != SandboxState::removed;
}

}  // namespace

// There from before a start until what came of it is recorded.
std::string due_file(const std::string& directory) {
  return directory + "/workspace/files.due";
}

// A crash cut something short. One look, since a daemon that starts asks this for every sandbox.
bool is_half_done(const std::string& directory) {
  return base::path_exists(directory + "/workspace/pending");
}

// One operation under way: the sandbox as it stood once nobody else worked on it.
struct WorkspaceCases::Operation {
  SandboxLocks::Hold hold;
  SandboxView view;
  workspace::Places places;
  bool untouched = false;  // it never ran: there is nothing to compare
  std::string by = {};     // a principal; empty: the daemon's owner

  const std::string& name() const { return view.info.name; }
  core::WorkspaceMode mode() const { return view.info.workspace.mode; }
};

WorkspaceCases::WorkspaceCases(const SandboxLookup& sandboxes, core::Recorder& recorder, SandboxLocks& locks,
                               WorkerOptions options)
    : sandboxes_(sandboxes),
      recorder_(recorder),
      locks_(locks),
      worker_(options.worker),
      options_(std::move(options)) {}

Result<WorkspaceCases::Operation> WorkspaceCases::begin(std::string_view sandbox, std::string_view verb,
                                                        std::string_view by) {
  std::string id = HV_TRY(sandboxes_.find(sandbox)).info.id;
  SandboxLocks::Hold hold = locks_.wait_for(id);
  // Looked at again: it may have started, stopped or gone while we waited.
  SandboxView view = HV_TRY(sandboxes_.find(id));
  const core::WorkspaceInfo& workspace = view.info.workspace;
  auto refuse = [&](std::string_view why) {
    return Failure(base::conflict(base::format("{} '{}': {}", verb, view.info.name, why))
                       .with_hint("a sandbox whose changes can be reviewed is started with --workspace cow"));
  };
  if (workspace.mode == core::WorkspaceMode::none || workspace.path.empty()) return refuse("it has no workspace");
  if (workspace.mode == core::WorkspaceMode::ro) return refuse("its workspace is read-only, so nothing has changed");
  Operation operation{std::move(hold), std::move(view), {}, false, std::string(by)};
  operation.places.host = operation.view.info.workspace.path;
  operation.places.records = operation.view.directory + "/workspace";
  operation.places.home = options_.home;
  operation.places.config_home = options_.config_home;
  operation.untouched = !base::path_exists(operation.places.records);
  // The launcher laid a second overlay over a repository that lies outside of the workspace.
  if (base::path_exists(operation.places.records + "/git-upper"))
    operation.places.git_host = HV_TRY(workspace::git_layout(operation.places.host)).second_overlay();
  return operation;
}

Status WorkspaceCases::record(const Operation& operation, std::string_view kind, json::Object payload) {
  core::Event event;
  event.kind = kind;
  event.sandbox = operation.view.info.id;
  event.principal = operation.by.empty() ? options_.principal : operation.by;
  event.payload = std::move(payload);
  (void)HV_TRY(recorder_.record(event));
  return {};
}

// Records the intent, acts, records what came of it.
template <typename Report>
Result<Report> WorkspaceCases::perform(const Operation& operation, std::string_view verb, std::string_view past,
                                       json::Object intended, const std::function<Result<Report>()>& act) {
  const SandboxView& view = operation.view;
  // What is about to change is what the events are made from. That it fails is recorded, and keeps nobody from his
  // files.
  if (!is_alive(view.info.state) && are_files_due(view.directory)) (void)tell_files(operation);
  HV_TRY_CONTEXT(record(operation, base::format("workspace.{}ing", verb), std::move(intended)),
                 base::format("{} '{}': nothing was done", verb, view.info.name));
  Result<Report> report = act();
  if (!report) {
    // The failure is told to whoever asked; that it could not be recorded as well would hide it.
    (void)record(operation, "workspace.failed", {{"operation", verb}, {"error", report.error().message()}});
    // The worker may have died in the middle. What cannot be put right now is when the daemon starts again.
    if (is_half_done(view.directory)) (void)finish(operation);
    return report;
  }
  HV_TRY_CONTEXT(record(operation, base::format("workspace.{}", past), describe(*report)),
                 base::format("{} '{}': it was done, but could not be recorded", verb, view.info.name));
  return report;
}

Status WorkspaceCases::finish(const Operation& operation) {
  HV_TRY(record(operation, "workspace.recovering", {}));
  std::string what = HV_TRY(worker_.recover(operation.places, operation.mode()));
  return record(operation, "workspace.recovered", {{"operation", what}});
}

Result<core::ChangeReport> WorkspaceCases::diff(std::string_view sandbox, const core::DiffRequest& request,
                                                std::string_view by) {
  Operation operation = HV_TRY(begin(sandbox, "diff", by));
  core::ChangeReport report;
  if (!operation.untouched) report = HV_TRY(worker_.diff(operation.places, operation.mode(), request));
  report.sandbox = operation.name();
  report.workspace = operation.places.host;
  report.mode = operation.mode();
  // So that what was shown can be held against what was applied. A full disk must not keep the changes from being seen.
  (void)record(operation, "workspace.diffed",
               {{"files", report.files.size()},
                {"added", report.added_lines},
                {"removed", report.removed_lines},
                {"digest", report.digest.empty() ? base::to_hex(base::as_view(base::sha256(wire::to_text(report))))
                                                 : report.digest}});
  return report;
}

Result<core::ApplyReport> WorkspaceCases::apply(std::string_view sandbox, const core::ApplyRequest& request,
                                                std::string_view by) {
  Operation operation = HV_TRY(begin(sandbox, "apply", by));
  core::ApplyReport nothing;
  nothing.dry_run = request.dry_run;
  if (operation.untouched) return nothing;
  auto act = [&]() -> Result<core::ApplyReport> {
    core::ApplyReport report = HV_TRY(worker_.apply(operation.places, operation.mode(), request));
    report.running = is_alive(operation.view.info.state);
    return report;
  };
  if (request.dry_run) return act();
  return perform<core::ApplyReport>(operation, "apply", "applied", describe(request), act);
}

Result<core::PathsReport> WorkspaceCases::discard(std::string_view sandbox, const core::DiscardRequest& request,
                                                  std::string_view by) {
  Operation operation = HV_TRY(begin(sandbox, "discard", by));
  if (operation.untouched) return core::PathsReport{};
  bool running = is_alive(operation.view.info.state);
  if (running && operation.mode() == core::WorkspaceMode::cow)
    return Failure(base::conflict(base::format("discard '{}': it is {}, and its changes cannot be taken from under it",
                                               operation.name(), core::state_name(operation.view.info.state)))
                       .with_hint(base::format("stop it first: hydravisor stop {} && hydravisor discard {}",
                                               operation.name(), quoted(operation.name(), request.paths))));
  return perform<core::PathsReport>(operation, "discard", "discarded", {{"paths", bounded(request.paths)}}, [&] {
    return worker_.discard(operation.places, operation.mode(), request, running);
  });
}

Result<core::PathsReport> WorkspaceCases::undo(std::string_view sandbox, std::string_view by) {
  Operation operation = HV_TRY(begin(sandbox, "undo", by));
  if (operation.untouched)
    return Failure(base::not_found(base::format("undo '{}': there is nothing to take back", operation.name())));
  return perform<core::PathsReport>(operation, "undo", "undone", {},
                                    [&] { return worker_.undo(operation.places, operation.mode()); });
}

Result<core::PathsReport> WorkspaceCases::sync(std::string_view sandbox, std::string_view by) {
  Operation operation = HV_TRY(begin(sandbox, "sync", by));
  // A live workspace is the host's own directory.
  if (operation.untouched || operation.mode() == core::WorkspaceMode::live) return core::PathsReport{};
  return perform<core::PathsReport>(operation, "sync", "synced", {}, [&] { return bring_in(operation); });
}

Result<core::PathsReport> WorkspaceCases::bring_in(const Operation& operation) {
  workspace::SyncPlan plan = HV_TRY(worker_.sync_plan(operation.places, {}));
  core::PathsReport report;
  report.conflicts = std::move(plan.conflicts);
  if (!is_alive(operation.view.info.state)) return report;
  for (const std::string& path : plan.remove)
    report.conflicts.push_back({path, "the host deleted it; the sandbox sees that after its next start"});
  workspace::Opened places = HV_TRY(workspace::Opened::at(operation.places.host, operation.places.records));
  std::set<std::string> brought;
  auto bring = [&](const std::string& path) -> Status {
    if (!options_.bring_in) return Failure(base::unsupported("the host changed it"));
    base::Fd file = HV_TRY(places.host.open_regular(path));
    std::optional<workspace::Entry> entry = HV_TRY(places.host.stat(path));
    if (!entry) return Failure(base::not_found("the host deleted it"));
    HV_TRY(options_.bring_in(operation.view.info.id, operation.places.host + "/" + path, entry->mode, std::move(file)));
    brought.insert(path);
    return {};
  };
  for (const std::string& path : plan.bring_in)
    if (Status done = bring(path); !done)
      report.conflicts.push_back({path, done.error().message() + "; the sandbox sees it after its next start"});
  // From here on the host's next edit of these is an edit of what the sandbox has seen.
  HV_TRY(places.agree(brought, brought));
  report.paths.assign(brought.begin(), brought.end());
  return report;
}

Result<uint64_t> WorkspaceCases::count_changes(std::string_view sandbox) {
  SandboxView view = HV_TRY(sandboxes_.find(sandbox));
  if (view.info.workspace.mode != core::WorkspaceMode::cow && view.info.workspace.mode != core::WorkspaceMode::live)
    return 0;
  Operation operation = HV_TRY(begin(sandbox, "count the changes of"));
  if (operation.untouched) return 0;
  core::ChangeReport report =
      HV_TRY(worker_.diff(operation.places, operation.mode(), {.paths = {}, .statistics_only = true}));
  return report.files.size() + report.refs.size();
}

Status WorkspaceCases::recover(std::string_view sandbox) {
  SandboxView view = HV_TRY(sandboxes_.find(sandbox));
  if (!is_half_done(view.directory)) return {};
  Operation operation = HV_TRY(begin(sandbox, "recover"));
  return finish(operation);
}

Status WorkspaceCases::expect_files(const std::string& directory) {
  HV_TRY(base::make_directories(directory + "/workspace"));
  (void)HV_TRY(base::open_file(due_file(directory), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  return {};
}

bool WorkspaceCases::are_files_due(const std::string& directory) {
  return base::path_exists(due_file(directory));
}

bool WorkspaceCases::were_files_told(const std::string& directory) {
  return base::path_exists(directory + "/workspace/files.seen");
}

Status WorkspaceCases::record_files(std::string_view sandbox) {
  SandboxView view = HV_TRY(sandboxes_.find(sandbox));
  if (!are_files_due(view.directory)) return {};
  Operation operation = HV_TRY(begin(sandbox, "record the files of"));
  if (is_alive(operation.view.info.state)) return {};
  HV_TRY(tell_files(operation));
  std::string due = due_file(operation.view.directory);
  if (::unlink(due.c_str()) != 0 && errno != ENOENT) return Failure(base::Error::from_errno(errno, "remove", due));
  return {};
}

Status WorkspaceCases::tell_files(const Operation& operation) {
  auto tell = [&]() -> Status {
    // What an earlier daemon had listed comes first.
    HV_TRY(record_pending_files(operation));
    std::string spool = files_spool(operation.view.info.id);
    uint64_t last = options_.last_sequence ? options_.last_sequence(spool) : 0;
    uint64_t events = HV_TRY(worker_.list_files(operation.places, operation.mode(), last + 1));
    return events == 0 ? workspace::settle_files(operation.places.records) : record_pending_files(operation);
  };
  Status told = tell();
  if (!told) (void)record(operation, "workspace.unlisted", {{"reason", told.error().message()}});
  return told;
}

Status WorkspaceCases::record_pending_files(const Operation& operation) {
  const std::string& records = operation.places.records;
  std::optional<workspace::PendingFiles> files = HV_TRY(workspace::pending_files(records));
  if (!files) return {};
  std::string spool = files_spool(operation.view.info.id);
  uint64_t known = options_.last_sequence ? options_.last_sequence(spool) : 0;
  uint64_t sequence = files->first;
  // They are settled either way: what a policy wants unrecorded is not kept for a later one.
  for (const core::FileEvent& found : files->events) {
    if (!operation.view.record_files) break;
    core::Event event = to_event(found, operation.view.info.id);
    event.origin = core::Origin{spool, sequence++};
    if (event.origin->sequence > known) (void)HV_TRY(recorder_.record(event));
  }
  return workspace::settle_files(records);
}

}  // namespace hv::service
