// What a sandbox did to files since the ledger was last told: from what lies there now, so that it holds however it was
// written, through a mapping of memory too.
#pragma once

#include <vector>

#include "core/file_event.h"
#include "workspace/change.h"
#include "workspace/preimages.h"
#include "workspace/seen_files.h"

namespace hv::workspace {

struct FileFindings {
  std::vector<core::FileEvent> events;  // of single paths, sorted by path
  SeenFiles seen;                       // for the next time
};

// `changes` is every difference from what the host has or had; `before` lies in one tree and `after` in the other.
// `times_kept`: a file that was moved has the times it had in `before`.
FileFindings find_file_events(const Tree& before, const Tree& after, const std::vector<Change>& changes,
                              const SeenFiles& seen, int64_t instant, bool times_kept);

// Of a live workspace: what changed after `began`, by the file system's own clock, although nobody inside said so, and
// which is therefore no pre-image's. What is gone leaves nothing to find.
std::vector<core::FileEvent> find_unclaimed(const PreimageStore& store, const std::vector<Change>& changes,
                                            int64_t began);

}  // namespace hv::workspace
