// A live workspace's changes and their undoing: the host's directory against the pre-images that the supervisor kept.
#pragma once

#include "core/change.h"
#include "workspace/change.h"
#include "workspace/preimages.h"

namespace hv::workspace {

// `before` lies in the store's tree, `after` in the workspace. Whether the agent or somebody on the host changed a file
// since cannot be told apart in this mode.
base::Result<std::vector<Change>> find_live_changes(const PreimageStore& store);

// Puts back what was there for the named paths (empty: all). What is replaced is kept first, below `<records>/undone`.
base::Result<core::PathsReport> undo_live(PreimageStore& store, const std::string& records,
                                          const std::vector<std::string>& paths);

}  // namespace hv::workspace
