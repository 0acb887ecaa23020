#include "worker/operations.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>

#include "base/fd.h"
#include "textdiff/text_diff.h"
#include "wire/types.h"
#include "worker/confine.h"
#include "workspace/apply.h"
#include "workspace/bytes.h"
#include "workspace/changes.h"
#include "workspace/discard.h"
#include "workspace/file_listing.h"
#include "workspace/git_repositories.h"
#include "workspace/git_transfer.h"
#include "workspace/live.h"
#include "workspace/pending.h"
#include "workspace/review.h"
#include "workspace/sync.h"
#include "workspace/undo.h"

namespace hv::worker {

using base::Failure;
using base::Result;
using base::Status;
namespace json = base::json;

namespace {

Result<workspace::LineDiff> compare(std::string_view before, std::string_view after) {
  textdiff::TextDiff found = HV_TRY(textdiff::diff_text(before, after));
  return workspace::LineDiff{found.binary, found.added_lines, found.removed_lines, std::move(found.hunks)};
}

// A worker whose daemon died before it could ask to die with it may still be at work: only one changes anything.
Result<base::Fd> take_turn(const std::string& records) {
  base::Fd directory = HV_TRY(base::open_file(records, O_RDONLY | O_DIRECTORY));
  while (::flock(directory.get(), LOCK_EX) != 0)
    if (errno != EINTR) return Failure(base::Error::from_errno(errno, "lock", records));
  return directory;
}

bool only_reads(const workspace::Request& request) {
  return request.operation == workspace::Operation::diff || request.operation == workspace::Operation::sync_plan;
}

// The records change, the host's files do not.
bool only_notes(const workspace::Request& request) {
  return request.operation == workspace::Operation::list_files;
}

Status shut_in(const workspace::Request& request, const workspace::UserGit& user_git) {
  // libgit2 sets itself up before the doors close.
  HV_TRY(textdiff::diff_text("", ""));
  Confinement confinement;
  confinement.writable = {request.places.records};
  std::vector<std::string>& places =
      only_reads(request) || only_notes(request) ? confinement.readable : confinement.writable;
  places.push_back(request.places.host);
  if (!request.places.git_host.empty()) places.push_back(request.places.git_host);
  // What the user's own repository borrows objects from; said by the host's files, not by the sandbox's.
  for (std::string& directory : workspace::host_alternates(request.places))
    confinement.readable.push_back(std::move(directory));
  for (const std::string& file : user_git.readable) confinement.readable.push_back(file);
  confinement.may_run_git = true;
  return confine(confinement);
}

void keep_named(std::vector<workspace::Change>& changes, const std::vector<std::string>& paths) {
  if (paths.empty()) return;
  std::erase_if(changes, [&](const workspace::Change& change) {
    return std::ranges::none_of(paths, [&](const std::string& path) {
      return workspace::covers(path, change.path) ||
             (!change.old_path.empty() && workspace::covers(path, change.old_path));
    });
  });
}

core::ChangeReport report_of(const workspace::Request& request, const workspace::Tree& before,
                             const workspace::Tree& after, const std::vector<workspace::Change>& changes) {
  core::ChangeReport report;
  report.workspace = request.places.host;
  report.mode = request.mode;
  report.files = workspace::describe_changes(before, after, changes, compare, request.diff.statistics_only);
  for (const core::FileChange& file : report.files) {
    report.added_lines += file.added_lines;
    report.removed_lines += file.removed_lines;
  }
  return report;
}

bool wants_git(const std::vector<std::string>& paths) {
  return paths.empty() ||
         std::ranges::any_of(paths, [](const std::string& path) { return workspace::name_of(path) == ".git"; });
}

void add_refs(workspace::Review& review, const workspace::Repository& repository, const workspace::RefPlan& plan) {
  for (const core::RefChange& move : plan.moves) review.add_ref(repository.name, move);
  for (const core::RefChange& held : plan.held_refs) review.add_ref(repository.name, held);
}

// A ref that cannot go has no line of its own in the report; it is shown as the file it would be.
core::FileChange refused_ref(const core::Refusal& refusal) {
  core::FileChange file;
  file.path = refusal.path;
  file.conflict = refusal.reason;
  return file;
}

// A file of a commit that is held has a line of its own, unless it is a change of the files as well.
void show_held(core::ChangeReport& report, const core::Refusal& held) {
  auto known = std::ranges::find(report.files, held.path, &core::FileChange::path);
  if (known == report.files.end()) {
    core::FileChange file;
    file.path = held.path;
    known = report.files.insert(report.files.end(), std::move(file));
  }
  if (known->hazard == core::Hazard::held) return;
  known->hazard = core::Hazard::held;
  known->hazard_reason = held.reason;
}

// Everything at these paths as a person would be shown it now.
Result<workspace::Review> review(const workspace::Opened& places, const workspace::Request& request,
                                 const std::vector<std::string>& paths) {
  workspace::Baseline baseline = HV_TRY(places.baseline());
  workspace::ChangeSet set = HV_TRY(workspace::find_changes(places, baseline));
  keep_named(set.changes, paths);
  workspace::Review shown = HV_TRY(workspace::Review::of(places, set.changes));
  if (!wants_git(paths)) return shown;
  auto repositories = HV_TRY(workspace::find_repositories(request.places, places, set.repositories));
  for (const workspace::Repository& repository : repositories.items) {
    auto transfer = workspace::GitTransfer::open(repository, baseline, places, {});
    if (transfer) add_refs(shown, repository, transfer->plan());
  }
  return shown;
}

// The digest may be of what the request names, or of all that there is.
Result<workspace::Review> check_digest(const workspace::Opened& places, const workspace::Request& request) {
  HV_TRY(workspace::recover(places));
  std::vector<std::vector<std::string>> candidates{request.apply.reviewed};
  if (request.apply.reviewed.empty()) candidates = {request.apply.paths, {}};
  for (const std::vector<std::string>& paths : candidates) {
    workspace::Review now = HV_TRY(review(places, request, paths));
    if (now.digest() == request.apply.digest) return now;
  }
  return Failure(base::conflict("apply: the changes are not those that the digest stands for; nothing was applied")
                     .with_hint("look at them again: hydravisor diff NAME"));
}

Result<core::ChangeReport> diff(const workspace::Opened& places, const workspace::Request& request) {
  workspace::Baseline baseline = HV_TRY(places.baseline());
  workspace::ChangeSet set = HV_TRY(workspace::find_changes(places, baseline));
  for (const std::string& path : request.diff.paths) HV_TRY(workspace::check_relative_path(path));
  keep_named(set.changes, request.diff.paths);
  // Hashed before it is shown: what changes in between does not fit the digest.
  workspace::Review shown;
  if (!request.diff.statistics_only) shown = HV_TRY(workspace::Review::of(places, set.changes));
  core::ChangeReport report = report_of(request, places.host, places.upper, set.changes);
  if (!wants_git(request.diff.paths)) {
    if (!request.diff.statistics_only) report.digest = shown.digest();
    return report;
  }
  auto repositories = HV_TRY(workspace::find_repositories(request.places, places, set.repositories));
  for (const workspace::Repository& repository : repositories.items) {
    auto transfer = workspace::GitTransfer::open(repository, baseline, places, {});
    if (transfer) {
      std::ranges::copy(transfer->plan().moves, std::back_inserter(report.refs));
      for (const core::Refusal& refusal : transfer->plan().conflicts) report.files.push_back(refused_ref(refusal));
      for (const core::Refusal& held : transfer->plan().held) show_held(report, held);
      add_refs(shown, repository, transfer->plan());
    } else {
      report.files.push_back(refused_ref({repository.name, transfer.error().message()}));
    }
  }
  std::ranges::sort(report.files, {}, &core::FileChange::path);
  if (!request.diff.statistics_only) report.digest = shown.digest();
  return report;
}

// The files are on the host; now the commits that were made of them. Whatever fails here is reported beside what went.
Status apply_commits(const workspace::Opened& places, const workspace::Request& request, const workspace::Review* shown,
                     workspace::Applied& applied) {
  workspace::Baseline baseline = HV_TRY(places.baseline());
  workspace::ChangeSet set = HV_TRY(workspace::find_changes(places, baseline));
  auto repositories = HV_TRY(workspace::find_repositories(request.places, places, set.repositories));
  core::ApplyReport& report = applied.report;
  for (const workspace::Repository& repository : repositories.items) {
    auto transfer = workspace::GitTransfer::open(repository, baseline, places,
                                                 {.accept = request.apply.accept, .force = request.apply.force});
    if (!transfer) {
      report.conflicts.push_back({repository.name, transfer.error().message()});
      continue;
    }
    if (shown != nullptr) transfer->keep_to(*shown);
    std::ranges::copy(transfer->plan().conflicts, std::back_inserter(report.conflicts));
    for (const core::Refusal& held : transfer->plan().held)
      if (std::ranges::find(report.held, held.path, &core::Refusal::path) == report.held.end())
        report.held.push_back(held);
    if (request.apply.dry_run) {
      std::ranges::copy(transfer->plan().moves, std::back_inserter(report.refs));
      continue;
    }
    if (transfer->plan().moves.empty()) continue;
    // The intent first, so that undo knows of it.
    if (!applied.journal) applied.journal = HV_TRY(workspace::Journal::create(places.records));
    workspace::Plan plan = HV_TRY(applied.journal->read());
    plan.phase = workspace::Plan::Phase::done;
    for (const core::RefChange& move : transfer->plan().moves)
      plan.refs.push_back({repository.name, move.name, move.old_id, move.new_id});
    HV_TRY(applied.journal->write(plan));
    HV_TRY(applied.journal->remove_older());
    auto moved = transfer->apply(report.conflicts);
    std::erase_if(plan.refs, [&](const workspace::RefStep& step) {
      return step.repository == repository.name &&
             (!moved ||
              std::ranges::none_of(*moved, [&](const core::RefChange& move) { return move.name == step.name; }));
    });
    HV_TRY(applied.journal->write(plan));
    if (!moved) {
      report.conflicts.push_back({repository.name, moved.error().message()});
      continue;
    }
    std::ranges::copy(*moved, std::back_inserter(report.refs));
    HV_TRY(workspace::agree_on_refs(places, repository, *moved));
  }
  std::ranges::sort(report.conflicts, {}, &core::Refusal::path);
  std::ranges::sort(report.held, {}, &core::Refusal::path);
  return {};
}

Status take_back_commits(const workspace::Opened& places, const workspace::Request& request,
                         const std::vector<workspace::RefStep>& refs, core::PathsReport& report) {
  std::vector<std::string> names;
  for (const workspace::RefStep& ref : refs)
    if (std::ranges::find(names, ref.repository) == names.end()) names.push_back(ref.repository);
  std::erase(names, request.places.git_host.empty() ? "" : ".git");
  auto repositories = HV_TRY(workspace::find_repositories(request.places, places, names));
  for (const workspace::Repository& repository : repositories.items) {
    std::ranges::move(workspace::undo_refs(repository, refs), std::back_inserter(report.conflicts));
    std::vector<core::RefChange> moves;
    for (const workspace::RefStep& ref : refs)
      if (ref.repository == repository.name) {
        moves.push_back({ref.name, ref.new_id, ref.old_id, 0});
        report.paths.push_back(workspace::baseline_key(repository, ref.name));
      }
    HV_TRY(workspace::agree_on_refs(places, repository, moves));
  }
  return {};
}

// What can be accepted beside the changed files: files that are held in commits, and their refs.
Result<std::vector<std::string>> held_in_commits(const workspace::Opened& places, const workspace::Request& request) {
  std::vector<std::string> paths;
  if (request.apply.accept.empty() || !wants_git(request.apply.paths)) return paths;
  workspace::Baseline baseline = HV_TRY(places.baseline());
  workspace::ChangeSet set = HV_TRY(workspace::find_changes(places, baseline));
  auto repositories = HV_TRY(workspace::find_repositories(request.places, places, set.repositories));
  for (const workspace::Repository& repository : repositories.items) {
    auto transfer = workspace::GitTransfer::open(repository, baseline, places, {});
    if (!transfer) continue;
    for (const core::Refusal& held : transfer->plan().held) paths.push_back(held.path);
    for (const core::RefChange& ref : transfer->plan().held_refs)
      paths.push_back(workspace::baseline_key(repository, ref.name));
  }
  return paths;
}

Result<core::PathsReport> undo(const workspace::Opened& places, const workspace::Request& request) {
  return workspace::undo_last(places, [&](const std::vector<workspace::RefStep>& refs, core::PathsReport& report) {
    return take_back_commits(places, request, refs, report);
  });
}

// Done to the end, or noted. Whoever hears that it failed decides what follows.
template <typename Act>
Result<json::Value> noted(const workspace::Request& request, const workspace::Pending& pending, const Act& act) {
  const std::string& records = request.places.records;
  HV_TRY(pending.note(records));
  auto report = act();
  // What was taken from the sandbox is not gone by its doing. An undo of an apply leaves the sandbox as it is.
  if constexpr (std::is_same_v<decltype(report), Result<core::PathsReport>>)
    if (report && (pending.operation == "discard" || request.mode == core::WorkspaceMode::live))
      HV_TRY(workspace::forget_files(records, report->paths));
  HV_TRY(workspace::Pending::forget(records));
  if (!report) return Failure(std::move(report).error());
  return wire::to_json(*report);
}

// A live workspace: its changes are on the host already. Applying accepts them, discarding and undoing take them back.
Result<json::Value> perform_live(const workspace::Request& request) {
  workspace::Tree tree = HV_TRY(workspace::Tree::open(request.places.host));
  auto store = HV_TRY(workspace::PreimageStore::open(std::move(tree), request.places.records + "/preimages"));
  switch (request.operation) {
    case workspace::Operation::diff: {
      std::vector<workspace::Change> changes = HV_TRY(workspace::find_live_changes(store));
      workspace::find_renames(store.tree(), store.workspace(), changes);
      keep_named(changes, request.diff.paths);
      return wire::to_json(report_of(request, store.tree(), store.workspace(), changes));
    }
    case workspace::Operation::apply: {
      if (!request.apply.digest.empty())
        return Failure(
            base::conflict("apply: a live workspace's changes are in your files already, whatever was shown"));
      std::vector<workspace::Change> changes = HV_TRY(workspace::find_live_changes(store));
      keep_named(changes, request.apply.paths);
      core::ApplyReport report;
      report.dry_run = request.apply.dry_run;
      for (const workspace::Change& change : changes) report.applied.push_back(change.path);
      if (!request.apply.dry_run)
        for (const std::string& path : report.applied) HV_TRY(store.forget(path));
      return wire::to_json(report);
    }
    case workspace::Operation::discard:
      return noted(request, {"discard", request.discard.paths},
                   [&] { return workspace::undo_live(store, request.places.records, request.discard.paths); });
    case workspace::Operation::undo:
      return noted(request, {"undo", {}}, [&] { return workspace::undo_live(store, request.places.records, {}); });
    case workspace::Operation::sync_plan:
      return workspace::to_json(workspace::SyncPlan{});
    case workspace::Operation::list_files:
    case workspace::Operation::recover:
      break;  // done before
  }
  return Failure(base::internal_error("unknown operation"));
}

Result<json::Value> perform_copied(const workspace::Request& request, const workspace::UserGit& user_git) {
  workspace::Opened places = HV_TRY(workspace::Opened::at(request.places.host, request.places.records));
  places.user_git = user_git;
  switch (request.operation) {
    case workspace::Operation::diff: {
      core::ChangeReport report = HV_TRY(diff(places, request));
      return wire::to_json(report);
    }
    case workspace::Operation::apply: {
      std::optional<workspace::Review> shown;
      if (!request.apply.digest.empty()) shown = HV_TRY(check_digest(places, request));
      workspace::ApplyRules rules{HV_TRY(held_in_commits(places, request)), shown ? &*shown : nullptr};
      return noted(request, {"apply", request.apply.paths}, [&]() -> Result<core::ApplyReport> {
        workspace::Applied applied = HV_TRY(workspace::apply(places, request.apply, compare, rules));
        if (wants_git(request.apply.paths)) HV_TRY(apply_commits(places, request, rules.review, applied));
        return std::move(applied.report);
      });
    }
    case workspace::Operation::discard: {
      if (request.running)
        return Failure(base::conflict("discard: the sandbox runs, and its changes cannot be taken from under it")
                           .with_hint("stop it first"));
      return noted(request, {"discard", request.discard.paths},
                   [&] { return workspace::discard(places, request.discard.paths); });
    }
    case workspace::Operation::undo:
      return noted(request, {"undo", {}}, [&] { return undo(places, request); });
    case workspace::Operation::sync_plan: {
      workspace::SyncPlan plan = HV_TRY(workspace::plan_sync(places, request.sync_paths));
      return workspace::to_json(plan);
    }
    case workspace::Operation::list_files:
    case workspace::Operation::recover:
      break;  // done before
  }
  return Failure(base::internal_error("unknown operation"));
}

Result<json::Value> perform_here(const workspace::Request& request, const workspace::UserGit& user_git) {
  return request.mode == core::WorkspaceMode::live ? perform_live(request) : perform_copied(request, user_git);
}

// What a worker before this one had begun and not ended; empty when there is nothing.
Result<std::string> finish_pending(const workspace::Request& request, const workspace::UserGit& user_git) {
  std::optional<workspace::Pending> pending = HV_TRY(workspace::Pending::find(request.places.records));
  if (!pending) return std::string();
  if (pending->operation == "apply") {
    workspace::Opened places = HV_TRY(workspace::Opened::at(request.places.host, request.places.records));
    HV_TRY(workspace::recover(places));
    HV_TRY(workspace::Pending::forget(request.places.records));
    return pending->operation;
  }
  workspace::Request rest = request;
  rest.operation = pending->operation == "undo" ? workspace::Operation::undo : workspace::Operation::discard;
  rest.discard.paths = pending->paths;
  Result<json::Value> done = perform_here(rest, user_git);
  // That nothing is left to do means that all of it had been done.
  if (done || done.error().code() == base::ErrorCode::not_found) return pending->operation;
  return Failure(std::move(done).error().with_context("finish the interrupted " + pending->operation));
}

}  // namespace

Result<json::Value> perform(const workspace::Request& request) {
  base::Fd lock;
  if (!only_reads(request)) lock = HV_TRY(take_turn(request.places.records));
  workspace::UserGit user_git =
      workspace::find_user_git(request.places.home, request.places.config_home, request.places.host);
  HV_TRY(shut_in(request, user_git));
  if (only_reads(request)) return perform_here(request, user_git);
  if (only_notes(request)) {
    uint64_t events = HV_TRY(workspace::list_files(request.places, request.mode, request.first_event));
    return json::Object{{"events", events}};
  }
  std::string finished = HV_TRY(finish_pending(request, user_git));
  if (request.operation == workspace::Operation::recover) return json::Object{{"operation", finished}};
  return perform_here(request, user_git);
}

}  // namespace hv::worker
