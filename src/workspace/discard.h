// Forgets changes of the sandbox: removes them from the overlay's upper directory, so that the host's version shows
// again.
#pragma once

#include <string>
#include <vector>

#include "core/change.h"
#include "workspace/places.h"

namespace hv::workspace {

// Only while the sandbox is stopped: overlayfs does not allow its upper directory to be changed under it. No paths:
// everything.
base::Result<core::PathsReport> discard(const Opened& places, const std::vector<std::string>& paths);

}  // namespace hv::workspace
