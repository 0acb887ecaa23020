// What a live workspace keeps out of the agent's reach: the files that the host would run by itself.
#pragma once

#include <string>
#include <vector>

#include "core/launch.h"

namespace hv::service {

struct LiveProtection {
  std::vector<core::Mount> mounts;  // read-only binds over the workspace
  std::string loss;                 // one sentence for `inspect`: what could not be protected
};

// Looks at the top of the workspace and at its repository's settings. A mount needs something to cover: what does not
// exist yet can be made by the agent, and what lies deeper could be moved away with the directory above it.
LiveProtection protect_live(const std::string& workspace);

}  // namespace hv::service
