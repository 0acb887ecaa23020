#include "supervisor/unnamed_files.h"

#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "supervisor/process_tree.h"

namespace hv::supervisor {

namespace {

// What lies in memory is the memory limit's.
bool in_memory(int directory, const char* name) {
  base::Fd file(::openat(directory, name, O_PATH | O_CLOEXEC));
  struct statfs about{};
  if (!file || ::fstatfs(file.get(), &about) != 0) return true;
  return about.f_type == TMPFS_MAGIC || about.f_type == HUGETLBFS_MAGIC || about.f_type == RAMFS_MAGIC;
}

}  // namespace

bool UnnamedFiles::step(size_t files) {
  size_t looked = 0;
  while (looked < files) {
    if (!threads_.empty()) {
      std::string thread = std::move(threads_.back());
      threads_.pop_back();
      looked += 1 + look_at(thread);
      continue;
    }
    if (processes_.empty()) return true;
    threads_ = threads_of(processes_.back());
    processes_.pop_back();
    ++looked;
  }
  return false;
}

size_t UnnamedFiles::look_at(const std::string& thread) {
  for (pid_t child : children_of(thread)) processes_.push_back(child);
  size_t looked = 0;
  std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir((thread + "/fd").c_str()), ::closedir);
  while (dirent* entry = open ? ::readdir(open.get()) : nullptr) {
    struct stat about{};
    ++looked;
    bool unnamed = ::fstatat(::dirfd(open.get()), entry->d_name, &about, 0) == 0 && S_ISREG(about.st_mode) &&
                   about.st_nlink == 0 && about.st_blocks > 0;
    if (!unnamed || seen_.contains({about.st_dev, about.st_ino})) continue;
    if (in_memory(::dirfd(open.get()), entry->d_name)) continue;
    seen_.insert({about.st_dev, about.st_ino});
    bytes_ += static_cast<uint64_t>(about.st_blocks) * 512;
  }
  return looked;
}

}  // namespace hv::supervisor
