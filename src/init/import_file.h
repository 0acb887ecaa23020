// Brings a file of the host into the workspace as the sandbox sees it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace hv::init {

// Copies descriptor `source` to `path` through a temporary name and a rename in the merged tree: an overlay shows a
// file that the host replaced only so. Runs with the agent's own rights, so a link the agent planted leads nowhere it
// could not go itself.
base::Status import_file(const std::string& path, uint32_t mode, int source);

}  // namespace hv::init
