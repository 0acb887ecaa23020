// A disk that fails, for the tests of what must survive one. Every call of the test program that changes a file below
// one directory comes through here (cmake/FaultyDisk.cmake), is counted, and can fail, be cut short or lie. The disk
// knows what has been synced, and so what a power cut would leave. Include it in one file of a test program.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
int __real_openat64(int, const char*, int, ...);
ssize_t __real_write(int, const void*, size_t);
ssize_t __real_pwrite64(int, const void*, size_t, off_t);
int __real_fsync(int);
int __real_fdatasync(int);
int __real_syncfs(int);
int __real_ftruncate64(int, off_t);
int __real_rename(const char*, const char*);
int __real_unlinkat(int, const char*, int);
int __real_mkdir(const char*, mode_t);
}

namespace hv::base {

class FaultyDisk {
 public:
  enum class Call { open, write, sync, truncate, rename, unlink, make_directory };
  struct Operation {
    Call call = Call::open;
    std::string path;  // below the disk's directory
    std::string_view data{};
    off_t offset = 0;
  };
  enum class Fault {
    none,
    no_space,
    io_error,
    interrupted,
    cut_short,  // a write that stores half, and says so
    lost,       // a write that stores nothing, and says it did
    flipped,    // a write that stores one bit wrongly
    unsynced,   // a sync that does nothing, and says it did
  };
  // What is found after the process or the machine has stopped before the present operation.
  enum class Left {
    written,     // all that was written: the process was killed
    half_write,  // the same, and half of the write it was at
    synced,      // a power cut: only what was synced, under the names that were synced
    names,       // all names; of their contents only what was synced
    half,        // all names, and half of each change that was not synced
    hole,        // all names, and the other half: zeros before it
  };

  // Without `remembers` it does not know what was synced, and is quicker: only `written` and `half_write` can be left.
  explicit FaultyDisk(std::string root, bool remembers = true) : root_(std::move(root)), remembers_(remembers) {
    if (remembers_) note_all();
    armed_ = this;
  }
  ~FaultyDisk() { armed_ = nullptr; }
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  // The operation of this number, from 0 on; with `for_good` all later ones too, until heal().
  void fail(size_t number, Fault fault, bool for_good) {
    std::lock_guard lock(mutex_);
    at_ = number, fault_ = fault, for_good_ = for_good;
  }
  void heal() {
    std::lock_guard lock(mutex_);
    at_.reset();
  }
  // Called before each operation, by whichever thread makes it.
  std::function<void(const Operation&)> before;
  size_t count() {
    std::lock_guard lock(mutex_);
    return count_;
  }
  // The call that the fault met, if it has.
  std::optional<Call> met() {
    std::lock_guard lock(mutex_);
    return met_;
  }

  // The files, below the disk's directory, when all stops before `operation`.
  using Files = std::map<std::string, std::string>;
  Files left(Left what, const Operation& operation) {
    std::lock_guard lock(mutex_);
    Files files;
    if (what == Left::synced) {
      for (const auto& [path, inode] : names_) files[relative(path)] = contents_[inode];
      return files;
    }
    for (const auto& file : std::filesystem::recursive_directory_iterator(root_)) {
      if (!file.is_regular_file()) continue;
      std::string path = file.path().string();
      std::string now = read(path);
      if (what == Left::half_write && operation.call == Call::write && relative(path) == operation.path) {
        size_t half = operation.data.size() / 2;
        auto offset = static_cast<size_t>(operation.offset);
        if (now.size() < offset + half) now.resize(offset + half);
        now.replace(offset, half, operation.data.substr(0, half));
      }
      files[relative(path)] = content_left(what, contents_[inode_of(path)], now);
    }
    return files;
  }
  // Directories are taken to be there; what lies in them is not.
  void store(const Files& files, const std::string& to) const {
    for (const auto& file : std::filesystem::recursive_directory_iterator(root_))
      if (file.is_directory()) std::filesystem::create_directories(to + file.path().string().substr(root_.size()));
    for (const auto& [path, content] : files) {
      std::string full = to + "/" + path;
      std::filesystem::create_directories(std::filesystem::path(full).parent_path());
      std::ofstream(full, std::ios::binary) << content;
      std::filesystem::permissions(full, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
  }

  // What the wrapped calls ask. `real` does it.
  static FaultyDisk* of(int at, const char* path, std::string& full) {
    FaultyDisk* disk = armed_;
    if (disk == nullptr) return nullptr;
    full = path[0] == '/' ? path : at == AT_FDCWD ? "" : path_of(at) + "/" + path;
    return full.starts_with(disk->root_ + "/") ? disk : nullptr;
  }
  static FaultyDisk* of(int fd, std::string& full) {
    FaultyDisk* disk = armed_;
    if (disk == nullptr) return nullptr;
    full = path_of(fd);
    return full == disk->root_ || full.starts_with(disk->root_ + "/") ? disk : nullptr;
  }
  int call(Call what, const std::string& path, const std::function<int()>& real) {
    Fault fault = begin({what, relative(path)});
    if (int error = error_of(fault); error != 0) return errno = error, -1;
    return real();
  }
  int sync(int fd, const std::string& path, const std::function<int()>& real) {
    Fault fault = begin({Call::sync, relative(path)});
    if (int error = error_of(fault); error != 0) return errno = error, -1;
    if (fault == Fault::unsynced) return 0;
    if (!remembers_) return real();
    std::lock_guard lock(mutex_);
    struct stat about{};
    if (::fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
      std::erase_if(names_, [&](const auto& name) { return std::filesystem::path(name.first).parent_path() == path; });
      for (const auto& file : std::filesystem::directory_iterator(path))
        if (file.is_regular_file()) names_[file.path().string()] = inode_of(file.path().string());
    } else {
      contents_[about.st_ino] = read("/proc/self/fd/" + std::to_string(fd));
    }
    return real();
  }
  int sync_all(const std::function<int()>& real) {
    Fault fault = begin({Call::sync, ""});
    if (int error = error_of(fault); error != 0) return errno = error, -1;
    if (fault == Fault::unsynced) return 0;
    if (!remembers_) return real();
    std::lock_guard lock(mutex_);
    note_all();
    return real();
  }
  ssize_t write(const std::string& path, std::string_view data, off_t offset,
                const std::function<ssize_t(std::string_view)>& real) {
    Fault fault = begin({Call::write, relative(path), data, offset});
    if (int error = error_of(fault); error != 0) return errno = error, -1;
    if (fault == Fault::cut_short) return real(data.substr(0, std::max<size_t>(1, data.size() / 2)));
    if (fault == Fault::lost) return static_cast<ssize_t>(data.size());
    if (fault != Fault::flipped || data.empty()) return real(data);
    std::string wrong(data);
    wrong[wrong.size() / 2] ^= 0x04;
    return real(wrong);
  }

 private:
  void note_all() {
    names_.clear();
    for (const auto& file : std::filesystem::recursive_directory_iterator(root_))
      if (file.is_regular_file()) names_[file.path().string()] = inode_of(file.path().string());
    for (const auto& [path, inode] : names_) contents_[inode] = read(path);
  }
  Fault begin(const Operation& operation) {
    if (before) before(operation);
    std::lock_guard lock(mutex_);
    size_t number = count_++;
    if (!at_ || number < *at_ || (number > *at_ && !for_good_)) return Fault::none;
    if (number == *at_) met_ = operation.call;
    return fault_;
  }
  static int error_of(Fault fault) {
    if (fault == Fault::no_space) return ENOSPC;
    if (fault == Fault::io_error) return EIO;
    return fault == Fault::interrupted ? EINTR : 0;
  }
  static std::string content_left(Left left, const std::string& synced, const std::string& now) {
    if (left == Left::written || left == Left::half_write || synced == now) return now;
    if (left == Left::names) return synced;
    // Changed bytes begin where the two part, or where the shorter ends.
    auto parting = std::ranges::mismatch(synced, now);
    auto from = static_cast<size_t>(parting.in2 - now.begin());
    // A disk keeps whole sectors.
    size_t middle = std::max(from, (from + (now.size() - from) / 2) / kSector * kSector);
    if (left == Left::half)
      return now.substr(0, middle) + (synced.size() > middle ? synced.substr(middle) : std::string());
    std::string result = now;
    for (size_t i = from; i < middle; ++i) result[i] = i < synced.size() ? synced[i] : '\0';
    return result;
  }
  std::string relative(const std::string& path) const { return path.substr(std::min(path.size(), root_.size() + 1)); }
  static ino_t inode_of(const std::string& path) {
    struct stat about{};
    return ::stat(path.c_str(), &about) == 0 ? about.st_ino : 0;
  }
  static std::string path_of(int fd) {
    std::string path(4096, '\0');
    ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
    path.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return path;
  }
  static std::string read(const std::string& path) {
    std::string data;
    int fd = __real_openat64(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about{};
    if (fd < 0 || ::fstat(fd, &about) != 0) return data;
    data.resize(static_cast<size_t>(about.st_size));
    ssize_t count = ::pread(fd, data.data(), data.size(), 0);
    ::close(fd);
    data.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return data;
  }
  static constexpr size_t kSector = 512;
  static inline std::atomic<FaultyDisk*> armed_ = nullptr;
  const std::string root_;
  const bool remembers_;
  std::mutex mutex_;  // guards what follows
  size_t count_ = 0;
  std::optional<size_t> at_;
  Fault fault_ = Fault::none;
  bool for_good_ = false;
  std::optional<Call> met_;
  std::map<std::string, ino_t> names_;     // as they were last synced
  std::map<ino_t, std::string> contents_;  // the same
};

}  // namespace hv::base

#define HV_WRAP extern "C" __attribute__((used)) inline

HV_WRAP int __wrap_openat64(int at, const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  std::string full;
  auto* disk = (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_ACCMODE) != O_RDONLY
                   ? hv::base::FaultyDisk::of(at, path, full)
                   : nullptr;
  auto real = [&] { return __real_openat64(at, path, flags, mode); };
  return disk == nullptr ? real() : disk->call(hv::base::FaultyDisk::Call::open, full, real);
}
HV_WRAP int __wrap_openat(int at, const char* path, int flags, mode_t mode) {
  return __wrap_openat64(at, path, flags, mode);
}
HV_WRAP int __wrap_open64(const char* path, int flags, mode_t mode) {
  return __wrap_openat64(AT_FDCWD, path, flags, mode);
}
HV_WRAP int __wrap_open(const char* path, int flags, mode_t mode) {
  return __wrap_openat64(AT_FDCWD, path, flags, mode);
}
HV_WRAP ssize_t __wrap_write(int fd, const void* data, size_t size) {
  std::string path;
  auto* disk = hv::base::FaultyDisk::of(fd, path);
  if (disk == nullptr) return __real_write(fd, data, size);
  bool appends = (::fcntl(fd, F_GETFL) & O_APPEND) != 0;
  return disk->write(path, {static_cast<const char*>(data), size}, ::lseek(fd, 0, appends ? SEEK_END : SEEK_CUR),
                     [&](std::string_view part) { return __real_write(fd, part.data(), part.size()); });
}
HV_WRAP ssize_t __wrap_pwrite64(int fd, const void* data, size_t size, off_t offset) {
  std::string path;
  auto* disk = hv::base::FaultyDisk::of(fd, path);
  if (disk == nullptr) return __real_pwrite64(fd, data, size, offset);
  return disk->write(path, {static_cast<const char*>(data), size}, offset,
                     [&](std::string_view part) { return __real_pwrite64(fd, part.data(), part.size(), offset); });
}
HV_WRAP ssize_t __wrap_pwrite(int fd, const void* data, size_t size, off_t offset) {
  return __wrap_pwrite64(fd, data, size, offset);
}
HV_WRAP int __wrap_fsync(int fd) {
  std::string path;
  auto* disk = hv::base::FaultyDisk::of(fd, path);
  auto real = [&] { return __real_fsync(fd); };
  return disk == nullptr ? real() : disk->sync(fd, path, real);
}
HV_WRAP int __wrap_fdatasync(int fd) {
  std::string path;
  auto* disk = hv::base::FaultyDisk::of(fd, path);
  auto real = [&] { return __real_fdatasync(fd); };
  return disk == nullptr ? real() : disk->sync(fd, path, real);
}
HV_WRAP int __wrap_syncfs(int fd) {
  std::string path;
  auto* disk = hv::base::FaultyDisk::of(fd, path);
  auto real = [&] { return __real_syncfs(fd); };
  return disk == nullptr ? real() : disk->sync_all(real);
}
HV_WRAP int __wrap_ftruncate64(int fd, off_t size) {
  std::string path;
  auto* disk = hv::base::FaultyDisk::of(fd, path);
  auto real = [&] { return __real_ftruncate64(fd, size); };
  return disk == nullptr ? real() : disk->call(hv::base::FaultyDisk::Call::truncate, path, real);
}
HV_WRAP int __wrap_ftruncate(int fd, off_t size) {
  return __wrap_ftruncate64(fd, size);
}
HV_WRAP int __wrap_rename(const char* from, const char* to) {
  std::string path;
  auto* disk = hv::base::FaultyDisk::of(AT_FDCWD, to, path);
  auto real = [&] { return __real_rename(from, to); };
  return disk == nullptr ? real() : disk->call(hv::base::FaultyDisk::Call::rename, path, real);
}
HV_WRAP int __wrap_unlinkat(int at, const char* name, int flags) {
  std::string path;
  auto* disk = hv::base::FaultyDisk::of(at, name, path);
  auto real = [&] { return __real_unlinkat(at, name, flags); };
  return disk == nullptr ? real() : disk->call(hv::base::FaultyDisk::Call::unlink, path, real);
}
HV_WRAP int __wrap_unlink(const char* name) {
  return __wrap_unlinkat(AT_FDCWD, name, 0);
}
HV_WRAP int __wrap_mkdir(const char* name, mode_t mode) {
  std::string path;
  auto* disk = hv::base::FaultyDisk::of(AT_FDCWD, name, path);
  auto real = [&] { return __real_mkdir(name, mode); };
  return disk == nullptr ? real() : disk->call(hv::base::FaultyDisk::Call::make_directory, path, real);
}
#undef HV_WRAP
