// Where the repository of a workspace lies. For the launcher, which must show it inside, and for apply.
#pragma once

#include <string>

#include "base/result.h"

namespace hv::workspace {

struct GitLayout {
  enum class Kind {
    none,          // no repository at or above the workspace
    inside,        // <workspace>/.git is a directory: the workspace's overlay covers it
    worktree,      // <workspace>/.git is a file that points elsewhere (git worktree, submodule)
    subdirectory,  // the repository's root lies above the workspace
  };
  Kind kind = Kind::none;
  std::string work_tree;   // the root of the checked-out files
  std::string git_dir;     // HEAD and index
  std::string common_dir;  // refs and objects; the same as git_dir but for worktrees

  // worktree and subdirectory: the directory to be shown inside as an overlay of its own, with its upper directory
  // below <records>/git-upper. Empty otherwise.
  std::string second_overlay() const {
    return kind == Kind::worktree || kind == Kind::subdirectory ? common_dir : std::string();
  }
};

// Looks at the host's files only; runs nothing. `workspace` is absolute.
base::Result<GitLayout> git_layout(const std::string& workspace);

}  // namespace hv::workspace
