// Files without a name that processes of a sandbox hold open: removed ones, and those that never had one. They take
// their place on the disk, and no walk of a tree meets them.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace hv::supervisor {

class UnnamedFiles {
 public:
  // Of `init` and all below it, by the kernel's own lists of children.
  explicit UnnamedFiles(pid_t init) { processes_.push_back(init); }

  // Looks at about `files` more open files; the files of one thread are looked at in one go. True when it is done.
  bool step(size_t files);
  uint64_t bytes() const { return bytes_; }

 private:
  size_t look_at(const std::string& thread);
  std::vector<pid_t> processes_;
  std::vector<std::string> threads_;  // "/proc/PID/task/TID"
  std::set<std::pair<dev_t, ino_t>> seen_;
  uint64_t bytes_ = 0;
};

}  // namespace hv::supervisor
