// How much a tree takes on its disk, counted in slices while an event loop goes on. The tree is the agent's, who may
// move, deepen and lock directories meanwhile: nothing is followed, one directory is open at a time whatever the
// depth, and who moves one from under the walk makes it `disturbed`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <dirent.h>
#include <sys/types.h>

#include "base/fd.h"

namespace hv::base {

class DiskWalk {
 public:
  // Every inode costs the disk something that its blocks do not show.
  static constexpr uint64_t kInode = 512;

  explicit DiskWalk(std::vector<int> roots) : roots_(std::move(roots)) {}

  // Looks at about `entries` more. True when it is done.
  bool step(size_t entries);
  uint64_t bytes() const { return bytes_; }
  // Something could not be looked at: `bytes` is less than there is.
  bool disturbed() const { return disturbed_; }

 private:
  struct Level {
    dev_t device = 0;
    ino_t inode = 0;
    std::vector<std::string> left;  // directories in it that are still to be entered
  };
  void next_root();
  void enter(Fd directory);
  void look_at(const char* name);
  void leave();

  std::vector<int> roots_;
  std::vector<Level> levels_;  // from the root to the open one
  std::unique_ptr<DIR, int (*)(DIR*)> stream_{nullptr, ::closedir};
  bool listed_ = false;
  bool disturbed_ = false;
  uint64_t bytes_ = 0;
  std::vector<std::pair<dev_t, ino_t>> linked_;  // files with several names count once; sorted
};

}  // namespace hv::base
