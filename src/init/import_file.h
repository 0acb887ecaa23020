// Brings a file of the host into the workspace as the sandbox sees it.
#pragma once

#include "base/result.h"
#include "shimwire/protocol.h"

namespace hv::init {

// Copies descriptor `source` (or makes the link, when one is named) to `request.path` through a temporary name and a
// rename in the merged tree: an overlay shows a file that the host replaced only so. Nothing is written when it is
// there already. conflict when the path changed meanwhile. Runs with the agent's own rights, so a link the agent
// planted leads nowhere it could not go itself.
base::Status import_file(const shimwire::ImportRequest& request, int source);

}  // namespace hv::init
