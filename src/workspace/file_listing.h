// From a stopped sandbox's files to the events about them, in two steps, so that a crash loses none and doubles none:
// the worker lists them into `<records>/files.pending` and what it saw into `files.next`; the daemon puts the events
// into the ledger, numbered from `first` on, and then lets `files.next` become `files.seen`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/file_event.h"
#include "core/run_request.h"
#include "workspace/places.h"

namespace hv::workspace {

struct PendingFiles {
  uint64_t first = 1;
  std::vector<core::FileEvent> events;
};

// In the worker. conflict when an earlier list waits. The number of events.
base::Result<uint64_t> list_files(const Places& places, core::WorkspaceMode mode, uint64_t first);

// In the daemon; no event is newer than the file. nullopt: nothing waits.
base::Result<std::optional<PendingFiles>> pending_files(const std::string& records);
// All of it is in the ledger. Twice is the same as once.
base::Status settle_files(const std::string& records);

// In the worker: what the user took back is not what the agent did.
base::Status forget_files(const std::string& records, const std::vector<std::string>& paths);

std::string to_text(const PendingFiles& files);
base::Result<PendingFiles> parse_pending_files(std::string_view text);

}  // namespace hv::workspace
