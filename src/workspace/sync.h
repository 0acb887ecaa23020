// How edits made on the host flow into a copy-on-write sandbox. overlayfs shows what was written in place, but keeps
// showing the old file after the host replaced it by rename; init then writes the new one through the merged tree. Here
// it is only decided; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/change.h"
#include "workspace/places.h"

namespace hv::workspace {

enum class SyncVerdict {
  current,   // the sandbox has it: nothing to do
  bring_in,  // the host's file is to be written inside
  remove,    // the host deleted it: it is to be deleted inside
  conflict,  // the sandbox changed it too: both stay as they are, and it is shown
};

// What is known about one path that changed on the host.
struct SyncFacts {
  std::optional<Entry> host = {};  // nullopt: deleted there
  // The upper directory's entry, a whiteout included; nullopt: the sandbox never changed it.
  std::optional<Entry> inside = {};
  bool hidden = false;            // a directory above it was deleted or replaced inside
  bool untouched_inside = false;  // `inside` is what was brought in before
  bool same_content = false;      // host and inside are the same already
};
SyncVerdict decide_sync(const SyncFacts& facts);

// Gathers the facts for one path. Reads contents only when host and sandbox both have a regular file of the same size.
base::Result<SyncFacts> sync_facts(const Opened& places, const Baseline& baseline, const std::string& path);

struct SyncPlan {
  std::vector<std::string> bring_in;
  std::vector<std::string> remove;
  std::vector<core::Refusal> conflicts;
};
// For the paths that a watcher reported; without any, for every file of the host that changed since the sandbox last
// saw it (a walk of the whole tree, `.git` left out; deletions cannot be found so).
base::Result<SyncPlan> plan_sync(const Opened& places, const std::vector<std::string>& paths);

}  // namespace hv::workspace
