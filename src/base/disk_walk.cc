#include "base/disk_walk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hv::base {

namespace {

constexpr int kOpen = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

}  // namespace

bool DiskWalk::step(size_t entries) {
  for (size_t looked = 0; looked < entries; ++looked) {
    if (!stream_) {
      if (roots_.empty()) return true;
      next_root();
      continue;
    }
    dirent* entry = listed_ ? nullptr : ::readdir(stream_.get());
    if (entry == nullptr) {
      listed_ = true;
      leave();
    } else if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) {
      look_at(entry->d_name);
    }
  }
  return false;
}

void DiskWalk::next_root() {
  int root = roots_.back();
  roots_.pop_back();
  Fd again(::openat(root, ".", kOpen));
  if (!again) {
    disturbed_ = true;
    return;
  }
  enter(std::move(again));
}

void DiskWalk::enter(Fd directory) {
  struct stat about{};
  if (::fstat(directory.get(), &about) != 0) return;
  stream_.reset(::fdopendir(directory.get()));
  if (!stream_) {
    disturbed_ = true;
    return;
  }
  static_cast<void>(directory.release());
  levels_.push_back({about.st_dev, about.st_ino, {}});
  listed_ = false;
}

void DiskWalk::look_at(const char* name) {
  struct stat about{};
  if (::fstatat(::dirfd(stream_.get()), name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
    // Removed since it was listed: then it takes nothing.
    disturbed_ |= errno != ENOENT;
    return;
  }
  if (about.st_nlink > 1 && !S_ISDIR(about.st_mode)) {
    std::pair key(about.st_dev, about.st_ino);
    auto place = std::ranges::lower_bound(linked_, key);
    if (place != linked_.end() && *place == key) return;
    linked_.insert(place, key);
  }
  bytes_ += static_cast<uint64_t>(about.st_blocks) * 512 + kInode;
  if (S_ISDIR(about.st_mode) && about.st_dev == levels_.back().device) levels_.back().left.emplace_back(name);
}

// The open directory is read to its end: on into one that it holds, or back to the one that holds it.
void DiskWalk::leave() {
  std::vector<std::string>& left = levels_.back().left;
  if (!left.empty()) {
    std::string name = std::move(left.back());
    left.pop_back();
    Fd child(::openat(::dirfd(stream_.get()), name.c_str(), kOpen));
    if (child) return enter(std::move(child));
    disturbed_ |= errno != ENOENT && errno != ENOTDIR;
    return;
  }
  levels_.pop_back();
  if (levels_.empty()) return stream_.reset();
  Fd parent(::openat(::dirfd(stream_.get()), "..", kOpen));
  struct stat about{};
  bool same = parent && ::fstat(parent.get(), &about) == 0 && about.st_dev == levels_.back().device &&
              about.st_ino == levels_.back().inode;
  if (!same) {
    // Moved meanwhile. What lies above is not looked at any more in this walk.
    disturbed_ = true;
    levels_.clear();
    return stream_.reset();
  }
  stream_.reset(::fdopendir(parent.get()));
  if (stream_) static_cast<void>(parent.release());
  if (!stream_) levels_.clear();
}

}  // namespace hv::base
