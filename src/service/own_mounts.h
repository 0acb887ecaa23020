// The mounts of a sandbox that come from Hydravisor rather than from the policy, and which of all of them starts share.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/launch.h"

namespace hv::service {

// A repository that lies outside the workspace (a worktree's, or one whose root is above) is shown as a copy-on-write
// view of its own, whose layers are made in `directory`; apply brings its commits over.
base::Result<std::vector<core::Mount>> repository_beside(const std::string& workspace, const std::string& directory);

// `hydravisor probe` finds its program inside. Where there is a fresh /run it comes right after, among what starts
// share.
void add_probe(std::vector<core::Mount>& mounts, const std::string& programs);

// What starts share goes into the groundwork: everything up to the first mount that is this sandbox's own or the
// workspace's, since later ones may lie in earlier ones. Files with a content of their own depend on nothing.
void split_mounts(core::LaunchSpec& spec, std::vector<core::Mount> mounts);

}  // namespace hv::service
