// A file descriptor with one owner. A raw int lives for one line: int the_fd = fd.get().
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "base/result.h"

namespace hv::base {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void close();
  // A second descriptor for the same open file, close-on-exec.
  Result<Fd> duplicate() const;

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};

// All descriptors made here are close-on-exec.
Result<Pipe> make_pipe(int flags = 0);
// open(2); `at` is a directory descriptor or AT_FDCWD.
Result<Fd> open_file(std::string_view path, int flags, mode_t mode = 0, int at = -100);
// openat2(2) with these RESOLVE_* flags. A rename or a mount anywhere on the machine can make the kernel ask for a
// retry: it is given many.
Result<Fd> open_resolving(int at, std::string_view path, int flags, mode_t mode, uint64_t resolve);
// open_resolving() below `at`: no symlink leads out of it (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS).
Result<Fd> open_beneath(int at, std::string_view path, int flags, mode_t mode = 0);

// The rest of the file from its present offset. At most `limit` bytes: a longer one is invalid_argument.
Result<std::string> read_all(int fd, size_t limit = size_t{64} << 20);
Result<std::string> read_file(const std::string& path, size_t limit = size_t{64} << 20);
// Writes everything or fails; EINTR and short writes are handled. Not for non-blocking descriptors.
Status write_all(int fd, std::string_view data);
// Replaces `path` so that a reader sees the old or the new content, never a part: temporary file, fsync, rename, fsync
// of the directory.
Status write_file_atomically(const std::string& path, std::string_view data, mode_t mode = 0600);
// The same without the two fsyncs, for state that a crash of the machine may lose.
Status replace_file(const std::string& path, std::string_view data, mode_t mode = 0600);
Status set_nonblocking(int fd, bool on);
// Sets or clears close-on-exec.
Status set_cloexec(int fd, bool on);

// mkdir -p with `mode` for every directory it makes.
Status make_directories(const std::string& path, mode_t mode = 0700);
bool path_exists(const std::string& path);

}  // namespace hv::base
