// What the commits of a sandbox would put into the host's files once somebody checks them out: a commit can contain
// what apply holds back as a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/change.h"
#include "workspace/git_reach.h"
#include "workspace/git_transfer.h"
#include "workspace/places.h"

namespace hv::workspace {

// A file that one of the commits adds or changes.
struct CommittedFile {
  std::string path;  // from the root of the repository's files
  uint32_t mode = 0;
  std::string id;  // of its content
};

// Of all commits that lead to `tip` and to none of the ids in `known` (lines of "^ID"). `scratch` is a repository that
// has the objects.
base::Result<std::vector<CommittedFile>> committed_files(const std::string& scratch, const std::string& tip,
                                                         const std::string& known);

// Those of `files` that apply would hold back as files, with the reason, as paths of the workspace; one that lies
// outside of it, in a repository that begins above, has the path of `ref`. What the host has with the same content has
// been accepted before.
std::vector<core::Refusal> held_in_commits(const std::string& scratch, const Repository& repository,
                                           const Opened& opened, const std::string& ref,
                                           const std::vector<CommittedFile>& files);

}  // namespace hv::workspace
