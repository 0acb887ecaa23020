#include "base/fd.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hv::base {

void Fd::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<Fd> Fd::duplicate() const {
  Fd copy(::fcntl(fd_, F_DUPFD_CLOEXEC, 3));
  if (!copy) return Failure(Error::from_errno(errno, "duplicate descriptor"));
  return copy;
}

Result<Pipe> make_pipe(int flags) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | flags) != 0) return Failure(Error::from_errno(errno, "make a pipe"));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> open_file(std::string_view path, int flags, mode_t mode, int at) {
  std::string name(path);
  Fd fd(::openat(at, name.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return Failure(Error::from_errno(errno, "open", path));
  return fd;
}

Result<Fd> open_resolving(int at, std::string_view path, int flags, mode_t mode, uint64_t resolve) {
  constexpr int kMostAttempts = 1000;
  std::string name(path.empty() ? "." : path);
  open_how how{};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0;
  how.resolve = resolve;
  for (int attempt = 1;; ++attempt) {
    Fd fd(static_cast<int>(::syscall(SYS_openat2, at, name.c_str(), &how, sizeof how)));
    if (fd) return fd;
    if (errno != EAGAIN || attempt == kMostAttempts) return Failure(Error::from_errno(errno, "open", path));
  }
}

Result<Fd> open_beneath(int at, std::string_view path, int flags, mode_t mode) {
  return open_resolving(at, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

Result<std::string> read_all(int fd, size_t limit) {
  std::string data;
  std::array<char, 65536> buffer;
  for (;;) {
    ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return Failure(Error::from_errno(errno, "read"));
    }
    if (count == 0) return data;
    data.append(buffer.data(), static_cast<size_t>(count));
    if (data.size() > limit) return Failure(invalid_argument("read: more than " + std::to_string(limit) + " bytes"));
  }
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  Fd fd = HV_TRY(open_file(path, O_RDONLY));
  return HV_TRY_CONTEXT(read_all(fd.get(), limit), path);
}

Status write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    ssize_t count = ::write(fd, data.data(), data.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return Failure(Error::from_errno(errno, "write"));
    }
    data.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

static Status replace(const std::string& path, std::string_view data, mode_t mode, bool durable) {
  std::string temporary = path + ".tmp-" + std::to_string(::getpid());
  auto write_temporary = [&]() -> Status {
    Fd fd = HV_TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    HV_TRY(write_all(fd.get(), data));
    if (durable && ::fsync(fd.get()) != 0) return Failure(Error::from_errno(errno, "fsync", temporary));
    return {};
  };
  if (Status written = write_temporary(); !written) {
    ::unlink(temporary.c_str());
    return Failure(std::move(written).error().with_context("write " + path));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    int error_number = errno;
    ::unlink(temporary.c_str());
    return Failure(Error::from_errno(error_number, "replace", path));
  }
  if (durable) {
    size_t slash = path.rfind('/');
    Fd directory =
        HV_TRY(open_file(slash == std::string::npos ? "." : path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY));
    if (::fsync(directory.get()) != 0) return Failure(Error::from_errno(errno, "fsync directory of", path));
  }
  return {};
}

Status write_file_atomically(const std::string& path, std::string_view data, mode_t mode) {
  return replace(path, data, mode, true);
}

Status replace_file(const std::string& path, std::string_view data, mode_t mode) {
  return replace(path, data, mode, false);
}

Status set_nonblocking(int fd, bool on) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) != 0)
    return Failure(Error::from_errno(errno, "set O_NONBLOCK"));
  return {};
}

Status set_cloexec(int fd, bool on) {
  if (::fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) != 0) return Failure(Error::from_errno(errno, "set FD_CLOEXEC"));
  return {};
}

// From the end: mostly everything but the last is there.
Status make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST || errno == EISDIR) return {};
  int error_number = errno;
  size_t slash = path.find_last_not_of('/') == std::string::npos ? 0 : path.rfind('/', path.find_last_not_of('/'));
  if (error_number == ENOENT && slash != 0 && slash != std::string::npos) {
    HV_TRY(make_directories(path.substr(0, slash), mode));
    if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
    error_number = errno;
  }
  // One that exists below a parent that may not be written (EROFS, EACCES) is not a failure.
  if (path_exists(path)) return {};
  return Failure(Error::from_errno(error_number, "make directory", path));
}

bool path_exists(const std::string& path) {
  struct stat about{};
  return ::lstat(path.c_str(), &about) == 0;
}

}  // namespace hv::base
