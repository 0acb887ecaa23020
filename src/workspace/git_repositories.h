// The repositories of a workspace in which the sandbox wrote: `.git` directories inside, and the one outside that a
// worktree or a subdirectory belongs to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "workspace/git_transfer.h"
#include "workspace/places.h"

namespace hv::workspace {

struct Repositories {
  std::vector<Repository> items;
  // What the second overlay's layers point to.
  std::unique_ptr<Tree> outside_host;
  std::unique_ptr<Tree> outside_upper;
};

// `places` and `opened` must outlive the result. `inside`: ChangeSet::repositories.
base::Result<Repositories> find_repositories(const Places& places, const Opened& opened,
                                             const std::vector<std::string>& inside);

// Notes in the baseline that the sandbox knows the host's refs as they are now.
base::Status agree_on_refs(const Opened& opened, const Repository& repository,
                           const std::vector<core::RefChange>& moves);

// Directories outside the workspace that git must read for the host's objects: objects/info/alternates of the host's
// own repositories.
std::vector<std::string> host_alternates(const Places& places);

}  // namespace hv::workspace
