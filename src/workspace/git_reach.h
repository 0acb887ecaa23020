// What git on the host would run or obey although its name does not show it: hooks in a directory that the
// configuration names, what hooks are links to, files that are included or run by the configuration, and directories
// that git takes for repositories.
//
// Everything is looked at twice, as the host has it and as it would be with the sandbox's changes: what is held back
// now could be accepted together with what it points to.
#pragma once

#include <vector>

#include "workspace/change.h"
#include "workspace/places.h"

namespace hv::workspace {

// Marks such changes as held, with the reason.
void hold_what_git_reaches(const Opened& places, std::vector<Change>& changes);

}  // namespace hv::workspace
