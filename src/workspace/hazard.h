// What the host would do by itself with a changed file. One table (risk.cc) says it; apply holds back `held` until it
// is accepted by name.
#pragma once

#include <string>
#include <string_view>

#include "core/change.h"

namespace hv::workspace {

// `notice`: runs, or steers what runs, when the user builds, tests or starts an agent. `held`: the host runs it by
// itself (a hook, an editor's task, a shell's directory hook, an agent's settings).
struct Verdict {
  core::Hazard hazard = core::Hazard::none;
  std::string reason;  // a phrase: "git runs it by itself"; empty for none
};

// By the path alone, whatever the kind of change. Names are compared without regard to case, because some file systems
// do so.
Verdict classify_path(std::string_view path);
// Whether a symlink at `path` (relative to the workspace) with this text leads out of the workspace, judged by the text
// alone: absolute, or more ".." than the place has parents.
bool leads_out(std::string_view path, std::string_view target);

}  // namespace hv::workspace
