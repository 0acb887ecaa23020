// Bounds how many records a sandbox can cause by writing files. Within the budget every path has an event of its own;
// past it, the largest directories are folded first: one event for each kind of change in them, which counts all paths,
// has a digest over them, and names them as long as there is room.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/file_event.h"

namespace hv::workspace {

struct FoldBounds {
  size_t events = 500;                    // with a path of its own; folds come on top, at most as many again
  size_t event_bytes = size_t{24} << 10;  // of names in one fold
  size_t total_bytes = size_t{8} << 20;   // of names in all folds
};

// `events` are of single paths below `root`, relative to it; absolute afterwards. Sorted by path.
std::vector<core::FileEvent> fold_events(std::vector<core::FileEvent> events, const std::string& root,
                                         const FoldBounds& bounds = {});

}  // namespace hv::workspace
