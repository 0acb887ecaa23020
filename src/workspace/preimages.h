// What files of a live workspace were before the agent first changed them. The supervisor's monitor calls keep() and
// lets the agent's call go on when it returns; undo and diff (live.h) read it later.
//
// <directory>/tree mirrors the workspace: each file that was kept lies there under its own path. <directory>/index
// says, line by line, what was at a path: "TYPE MODE UID GID PATH", TYPE one of f (file), l (symlink), d (directory), -
// (nothing), x (there, but not kept: too large), MODE in octal, PATH in hex. Depends on nothing but base, so that the
// static supervisor can link it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "workspace/tree.h"

namespace hv::workspace {

struct Preimage {
  char type = '-';
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

class PreimageStore {
 public:
  struct Limits {
    uint64_t largest_file = uint64_t{256} << 20;
    uint64_t total = uint64_t{4} << 30;
    size_t most_paths = 200'000;
  };
  // `directory` is made when it is missing; an existing one is continued.
  static base::Result<PreimageStore> open(Tree workspace, const std::string& directory, Limits limits);
  static base::Result<PreimageStore> open(Tree workspace, const std::string& directory) {
    return open(std::move(workspace), directory, Limits{});
  }

  // How much of a directory is kept: everything below it when it is renamed or removed as a whole.
  enum class Extent : uint8_t { itself, with_contents };
  // Keeps what is at `path` now, unless it was kept before. unavailable when a limit is reached: the agent's call may
  // go on, but its effect cannot be undone.
  base::Status keep(std::string_view path, Extent extent = Extent::with_contents);
  // Follows another process that replaced the index (forget()) since it was read; cheap when none did.
  base::Status refresh();
  // Forgets `path` and everything below it; an empty path forgets all.
  base::Status forget(std::string_view path);

  const std::map<std::string, Preimage, std::less<>>& index() const { return index_; }
  const Tree& tree() const { return tree_; }
  const Tree& workspace() const { return workspace_; }

 private:
  PreimageStore(Tree workspace, std::string directory, Tree tree, base::Fd index_file, Limits limits)
      : workspace_(std::move(workspace)),
        directory_(std::move(directory)),
        tree_(std::move(tree)),
        index_file_(std::move(index_file)),
        limits_(limits) {}
  base::Status load();
  bool is_known(std::string_view path) const;
  base::Status keep_one(const std::string& path, const Entry& entry, Extent extent);
  base::Status keep_file(const std::string& path, const Entry& entry);
  base::Status record(const std::string& path, const Preimage& preimage);
  base::Status make_parents(std::string_view path);

  Tree workspace_;
  std::string directory_;
  Tree tree_;
  base::Fd index_file_;
  Limits limits_;
  uint64_t total_ = 0;
  std::map<std::string, Preimage, std::less<>> index_;
};

}  // namespace hv::workspace
