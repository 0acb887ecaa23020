// What lies between a workspace and its sandbox: diff, apply, discard, undo, sync. Each operation runs in one confined
// hydravisor-worker, because file names, contents and repositories were made by an agent; here it is decided whether it
// may run, and recorded.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "core/change.h"
#include "core/event.h"
#include "service/sandbox_locks.h"
#include "service/sandbox_lookup.h"
#include "workspace/request.h"

namespace hv::service {

struct WorkerOptions {
  std::string worker;     // the program hydravisor-worker
  std::string principal;  // whom operations are recorded as done by: "user:1000"
  std::string home = {};  // the user's, and $XDG_CONFIG_HOME: where his git is configured
  std::string config_home = {};
  // Writes the host's file into the workspace of a running sandbox as the sandbox sees it, and returns once it is
  // there. `path` is absolute. Called on the thread of sync(). Not set: sync() tells what the sandbox cannot see yet.
  std::function<base::Status(const std::string& sandbox_id, const std::string& path, uint32_t mode, base::Fd file)>
      bring_in = {};
  // Ledger::last_sequence: what of a list of file events is recorded already.
  std::function<uint64_t(const std::string& spool)> last_sequence = {};
};

// Thread-safe; every call may block for as long as the worker works.
class WorkspaceCases {
 public:
  // `locks` are those that the life cycle takes: no operation is under way while a sandbox starts or goes.
  WorkspaceCases(const SandboxLookup& sandboxes, core::Recorder& recorder, SandboxLocks& locks, WorkerOptions options);

  // All of them: conflict, with what to do instead, for a sandbox whose workspace is read-only or absent; not_found for
  // an unknown sandbox. A sandbox that never ran has no changes. `by` is
  // whom it is recorded as done by; empty: the principal of the options.
  base::Result<core::ChangeReport> diff(std::string_view sandbox, const core::DiffRequest& request,
                                        std::string_view by = {});
  // A dry run leaves no trace in the ledger. For a live workspace it means that the changes are meant to stay: undo no
  // longer takes them back.
  base::Result<core::ApplyReport> apply(std::string_view sandbox, const core::ApplyRequest& request,
                                        std::string_view by = {});
  base::Result<core::PathsReport> discard(std::string_view sandbox, const core::DiscardRequest& request,
                                          std::string_view by = {});
  base::Result<core::PathsReport> undo(std::string_view sandbox, std::string_view by = {});
  // Only a running sandbox needs it: each start sees the host's files as they are then.
  base::Result<core::PathsReport> sync(std::string_view sandbox, std::string_view by = {});

  // How many files differ, for `inspect` and for whether a sandbox is worth keeping; 0 where the workspace cannot hold
  // changes (ro, none). Not recorded.
  base::Result<uint64_t> count_changes(std::string_view sandbox);
  // What the sandbox did to files since its start, or since the last time, becomes events (file_event.h). Done at every
  // stop, and again for what a daemon that was killed did not get to; before an apply, discard or undo changes what
  // there is to see. Cheap when nothing is due; nothing for one that runs.
  base::Status record_files(std::string_view sandbox);
  // A start is about to make that due.
  static base::Status expect_files(const std::string& directory);
  static bool are_files_due(const std::string& directory);
  // Whether anything was told before: then also what is no change any more has something to tell.
  static bool were_files_told(const std::string& directory);
  // Takes back the apply that a crash cut short, finishes the undo or discard. For every sandbox, when the daemon
  // starts.
  base::Status recover(std::string_view sandbox);

 private:
  struct Operation;
  base::Result<Operation> begin(std::string_view sandbox, std::string_view verb, std::string_view by = {});
  base::Result<core::PathsReport> bring_in(const Operation& operation);
  base::Status finish(const Operation& operation);
  base::Status tell_files(const Operation& operation);
  base::Status record_pending_files(const Operation& operation);
  base::Status record(const Operation& operation, std::string_view kind, base::json::Object payload);
  template <typename Report>
  base::Result<Report> perform(const Operation& operation, std::string_view verb, std::string_view past,
                               base::json::Object intended, const std::function<base::Result<Report>()>& act);

  const SandboxLookup& sandboxes_;
  core::Recorder& recorder_;
  SandboxLocks& locks_;
  workspace::Worker worker_;
  WorkerOptions options_;
};

}  // namespace hv::service
