// Takes back an apply: the last one on demand, an unfinished one after a crash.
#pragma once

#include "core/change.h"
#include "workspace/journal.h"
#include "workspace/places.h"

namespace hv::workspace {

// If the newest journal is not done, puts everything back as it was and removes it. Whatever the host changed since
// stays as the host has it.
base::Status recover(const Opened& places);

struct Undone {
  core::PathsReport report;
  std::vector<RefStep> refs;  // to be moved back by the caller
};
// Takes back the last finished apply. What the host changed after it stays and is reported. not_found when there is
// nothing to undo.
base::Result<Undone> undo_last(const Opened& places);

}  // namespace hv::workspace
