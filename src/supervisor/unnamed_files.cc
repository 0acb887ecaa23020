#include "supervisor/unnamed_files.h"

#include <charconv>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/text.h"

namespace hv::supervisor {

namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Directory list(const std::string& path) {
  return {::opendir(path.c_str()), ::closedir};
}

pid_t number_of(std::string_view text) {
  pid_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

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
    std::string tasks = "/proc/" + std::to_string(processes_.back()) + "/task";
    processes_.pop_back();
    Directory threads = list(tasks);
    while (dirent* entry = threads ? ::readdir(threads.get()) : nullptr)
      if (pid_t thread = number_of(entry->d_name); thread > 0) threads_.push_back(tasks + "/" + std::to_string(thread));
    ++looked;
  }
  return false;
}

size_t UnnamedFiles::look_at(const std::string& thread) {
  if (auto children = base::read_file(thread + "/children", size_t{1} << 20))
    for (const std::string& child : base::split(*children, ' '))
      if (pid_t process = number_of(child); process > 0) processes_.push_back(process);
  size_t looked = 0;
  Directory open = list(thread + "/fd");
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
