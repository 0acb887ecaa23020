// Takes back an apply: the last one on demand, an unfinished one after a crash.
#pragma once

#include <functional>
#include <vector>

#include "core/change.h"
#include "workspace/journal.h"
#include "workspace/places.h"

namespace hv::workspace {

// If the newest journal is not done, puts everything back as it was and removes it. Whatever the host changed since
// stays as the host has it.
base::Status recover(const Opened& places);

// Moves these refs back and adds what became of them to the report.
using UndoRefs = std::function<base::Status(const std::vector<RefStep>& refs, core::PathsReport& report)>;
// Takes back the last finished apply. What the host changed after it stays and is reported. Cut short, it does the rest
// when it is called again. not_found when there is nothing to undo.
base::Result<core::PathsReport> undo_last(const Opened& places, const UndoRefs& undo_refs = {});

}  // namespace hv::workspace
