#include "base/remove_tree.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

namespace hv::base {

namespace {

// Below this depth a directory is moved up to the top before it is emptied, so that no more than this many are open at
// a time. Ordinary trees are shallower and are removed without a rename.
constexpr size_t kDeepestOpen = 64;
constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE, which <linux/fs.h> has beside macros that hurt

class Remover {
 public:
  // Empties the directory behind `top` (owned from here on).
  Status empty(int top, const std::string& shown) {
    push(top, shown);
    while (!open_.empty()) {
      dirent* entry = ::readdir(open_.back().stream.get());
      if (entry == nullptr) {
        leave();
      } else if (std::string name = entry->d_name; name != "." && name != "..") {
        remove(name);
      }
    }
    return std::move(status_);
  }

 private:
  struct Directory {
    std::unique_ptr<DIR, int (*)(DIR*)> stream{nullptr, ::closedir};
    std::string name;
  };
  int at() const { return ::dirfd(open_.back().stream.get()); }

  void fail(const char* operation, const std::string& name) {
    int error_number = errno;
    std::string shown;
    for (const Directory& directory : open_) shown += directory.name + "/";
    status_ = Failure(Error::from_errno(error_number, operation, printable(shown + name)));
  }

  void push(int fd, const std::string& name) {
    Directory directory;
    directory.stream.reset(::fdopendir(fd));
    if (!directory.stream) {
      fail("list", name);
      ::close(fd);
      return;
    }
    struct stat about{};
    if (::fstat(fd, &about) == 0 && (about.st_mode & 0700) != 0700) ::fchmod(fd, 0700);
    directory.name = name;
    open_.push_back(std::move(directory));
  }

  void remove(const std::string& name) {
    if (::unlinkat(at(), name.c_str(), 0) == 0) return;
    if (errno != EISDIR && errno != EPERM) {
      if (errno != ENOENT) fail("remove", name);
      return;
    }
    // An empty one needs not be opened.
    if (::unlinkat(at(), name.c_str(), AT_REMOVEDIR) == 0) return;
    // Overlay leaves directories of mode 000 behind; ours to open up again.
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int child = ::openat(at(), name.c_str(), flags);
    if (child < 0 && errno == EACCES && ::fchmodat(at(), name.c_str(), 0700, 0) == 0)
      child = ::openat(at(), name.c_str(), flags);
    if (child < 0) return fail("open to remove", name);
    if (open_.size() < kDeepestOpen) return push(child, name);
    hoist(child, name);
  }

  // Moves the directory `name` of the deepest one that is open to the top, where a later pass meets it.
  void hoist(int child, const std::string& name) {
    // A directory that its owner may not write cannot get another parent.
    struct stat about{};
    if (::fstat(child, &about) == 0 && (about.st_mode & 0700) != 0700) ::fchmod(child, 0700);
    ::close(child);
    int top = ::dirfd(open_.front().stream.get());
    for (;;) {
      std::string free_name = "hoisted-" + std::to_string(++hoisted_);
      if (::syscall(SYS_renameat2, at(), name.c_str(), top, free_name.c_str(), kNoReplace) == 0) break;
      if (errno != EEXIST) return fail("move up to remove", name);
    }
    again_ = true;
  }

  void leave() {
    if (open_.size() == 1 && std::exchange(again_, false)) {
      ::rewinddir(open_.front().stream.get());
      return;
    }
    std::string name = std::move(open_.back().name);
    open_.pop_back();
    // What is left in it has already said why; a directory into which things were hoisted is the top alone.
    if (!open_.empty() && ::unlinkat(at(), name.c_str(), AT_REMOVEDIR) != 0 && status_ && errno != ENOENT)
      fail("remove directory", name);
  }

  std::vector<Directory> open_;
  Status status_;
  uint64_t hoisted_ = 0;
  bool again_ = false;
};

}  // namespace

Status remove_tree_at(int at, const std::string& name) {
  if (::unlinkat(at, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int directory = ::openat(at, name.c_str(), flags);
  if (directory < 0 && errno == EACCES && ::fchmodat(at, name.c_str(), 0700, 0) == 0)
    directory = ::openat(at, name.c_str(), flags);
  if (directory < 0) return Failure(Error::from_errno(errno, "remove", printable(name)));
  HV_TRY(Remover().empty(directory, name));
  if (::unlinkat(at, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return Failure(Error::from_errno(errno, "remove", printable(name)));
  return {};
}

Status remove_tree(const std::string& path) {
  return remove_tree_at(AT_FDCWD, path);
}

}  // namespace hv::base
