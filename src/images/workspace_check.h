// Which directories may be a workspace.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/run_request.h"

namespace hv::images {

struct WorkspaceCheck {
  std::string path;  // absolute, as the caller gave it
  core::WorkspaceMode mode = core::WorkspaceMode::cow;
  std::string home;   // the caller's
  std::string state;  // Hydravisor's state directory: the upper layers lie there
  // Its other directories: what says who may do what lies there.
  std::vector<std::string> own = {};
};

// The canonical path. Refuses /, the home, what is above the home, system directories, places of secrets, Hydravisor's
// own directories, what cannot be read or is no directory, pseudo file systems and, for copy-on-write, file systems
// that overlays do not work on. Each error says what to do instead.
base::Result<std::string> check_workspace(const WorkspaceCheck& check);

// For tests: why a file system of this statfs(2) magic cannot lie below, or above, an overlay; nullptr when it can.
const char* overlay_obstacle(unsigned long magic, bool upper);

}  // namespace hv::images
