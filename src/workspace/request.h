// What the daemon asks of hydravisor-worker and what it answers: one JSON document each way. Both sides use these
// functions, and the members of the API's types are written as the API writes them (docs/workspace.md has the grammar).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "core/change.h"
#include "workspace/places.h"
#include "workspace/sync.h"

namespace hv::workspace {

enum class Operation { diff, apply, discard, undo, recover, sync_plan, list_files };

struct Request {
  Operation operation = Operation::diff;
  core::WorkspaceMode mode = core::WorkspaceMode::cow;
  Places places;
  bool running = false;  // the sandbox is alive: its upper directory must not be changed
  core::DiffRequest diff;
  core::ApplyRequest apply;
  core::DiscardRequest discard;
  std::vector<std::string> sync_paths;  // what a watcher reported; empty: look everywhere
  uint64_t first_event = 1;             // list_files: the number of the first event
};

std::string to_text(const Request& request);
base::Result<Request> parse_request(std::string_view text);

// {"result": ...} or {"error": {"code", "message", "hint"}}.
std::string answer_text(const base::Result<base::json::Value>& answer);
base::Result<base::json::Value> parse_answer(std::string_view text);

base::json::Value to_json(const SyncPlan& plan);
base::Result<SyncPlan> sync_plan_from_json(const base::json::Value& value);

// Starts one worker a call. Any thread; blocks until it has answered.
class Worker {
 public:
  explicit Worker(std::string program) : program_(std::move(program)) {}
  // `sandbox` and `mode` of the report are the caller's to fill in.
  base::Result<core::ChangeReport> diff(const Places& places, core::WorkspaceMode mode,
                                        const core::DiffRequest& request) const;
  base::Result<core::ApplyReport> apply(const Places& places, core::WorkspaceMode mode,
                                        const core::ApplyRequest& request) const;
  base::Result<core::PathsReport> discard(const Places& places, core::WorkspaceMode mode,
                                          const core::DiscardRequest& request, bool running) const;
  base::Result<core::PathsReport> undo(const Places& places, core::WorkspaceMode mode) const;
  base::Result<SyncPlan> sync_plan(const Places& places, const std::vector<std::string>& paths) const;
  // Lists what the stopped sandbox did to files since the last list (file_listing.h), into its records; the number of
  // events.
  base::Result<uint64_t> list_files(const Places& places, core::WorkspaceMode mode, uint64_t first) const;
  // Takes back the apply that a crash left half-done, finishes the undo or discard; cheap when there is nothing.
  // The operation that it was; empty: there was nothing.
  base::Result<std::string> recover(const Places& places, core::WorkspaceMode mode) const;

 private:
  base::Result<base::json::Value> call(const Request& request) const;
  std::string program_;
};

}  // namespace hv::workspace
