#include "workspace/git_layout.h"

#include <climits>
#include <cstdlib>
#include <memory>

#include <sys/stat.h>

#include "base/fd.h"
#include "base/text.h"

namespace hv::workspace {

using base::Failure;
using base::Result;

static bool is_directory(const std::string& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

static std::string resolved(const std::string& base_directory, const std::string& path) {
  std::string absolute = path.starts_with('/') ? path : base_directory + "/" + path;
  std::unique_ptr<char, void (*)(void*)> real(::realpath(absolute.c_str(), nullptr), ::free);
  return real ? std::string(real.get()) : absolute;
}

static std::string without_newline(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

static std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// Whether the repository itself says that `directory` is checked out from it. `.git` in a workspace is a file that
// anybody may have put there, an agent above all, and what it names would be shown inside: only what names the
// workspace in turn is believed.
static bool names_back(const GitLayout& layout, const std::string& directory) {
  if (layout.git_dir != layout.common_dir) {
    // git worktree: COMMON/worktrees/NAME/gitdir holds the path of the worktree's .git.
    auto back = base::read_file(layout.git_dir + "/gitdir", 65536);
    return parent_of(layout.git_dir) == layout.common_dir + "/worktrees" && back &&
           parent_of(resolved(layout.git_dir, without_newline(*back))) == directory;
  }
  // A submodule: its configuration holds core.worktree.
  auto config = base::read_file(layout.git_dir + "/config", size_t{1} << 20);
  if (!config) return false;
  for (std::string line : base::split(*config, '\n')) {
    line.erase(0, line.find_first_not_of(" \t"));
    size_t equals = line.find('=');
    if (!line.starts_with("worktree") || equals == std::string::npos) continue;
    std::string value = without_newline(line.substr(equals + 1));
    value.erase(0, value.find_first_not_of(" \t"));
    return resolved(layout.git_dir, value) == directory;
  }
  return false;
}

static Result<GitLayout> from_file(const std::string& directory, GitLayout::Kind kind) {
  std::string text = without_newline(HV_TRY(base::read_file(directory + "/.git", 65536)));
  if (!text.starts_with("gitdir: ")) return GitLayout{};
  GitLayout layout;
  layout.kind = kind;
  layout.work_tree = directory;
  layout.git_dir = resolved(directory, text.substr(8));
  layout.common_dir = layout.git_dir;
  if (auto common = base::read_file(layout.git_dir + "/commondir", 65536))
    layout.common_dir = resolved(layout.git_dir, without_newline(*common));
  bool repository = base::path_exists(layout.git_dir + "/HEAD") && base::path_exists(layout.common_dir + "/HEAD") &&
                    is_directory(layout.common_dir + "/objects") && is_directory(layout.common_dir + "/refs");
  bool outside = !layout.common_dir.starts_with(directory + "/");
  if (!repository || !outside || !names_back(layout, resolved(directory, "."))) return GitLayout{};
  return layout;
}

Result<GitLayout> git_layout(const std::string& workspace) {
  std::string directory = workspace;
  for (bool here = true;; here = false) {
    std::string dot_git = directory + "/.git";
    struct stat about{};
    if (::lstat(dot_git.c_str(), &about) == 0) {
      if (S_ISREG(about.st_mode))
        return from_file(directory, here ? GitLayout::Kind::worktree : GitLayout::Kind::subdirectory);
      // A link to a repository elsewhere is left alone: git in the sandbox meets it as it is.
      if (S_ISDIR(about.st_mode) && base::path_exists(dot_git + "/HEAD"))
        return GitLayout{here ? GitLayout::Kind::inside : GitLayout::Kind::subdirectory, directory, dot_git, dot_git};
      if (here) return GitLayout{};
    }
    size_t slash = directory.rfind('/');
    if (slash == std::string::npos || slash == 0) return GitLayout{};
    directory.resize(slash);
  }
}

}  // namespace hv::workspace
