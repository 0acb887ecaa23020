#include "init/import_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace hv::init {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Status;

constexpr size_t kBlock = 65536;

Failure fail(const std::string& path) {
  return Failure(Error::from_errno(errno, "bring in", path));
}

std::optional<struct stat> look_at(const std::string& path) {
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0) return std::nullopt;
  return about;
}

bool is_unchanged(const std::optional<struct stat>& before, const std::optional<struct stat>& now) {
  if (!before || !now) return !before && !now;
  return before->st_ino == now->st_ino && before->st_dev == now->st_dev && before->st_size == now->st_size &&
         before->st_mode == now->st_mode && before->st_ctim.tv_sec == now->st_ctim.tv_sec &&
         before->st_ctim.tv_nsec == now->st_ctim.tv_nsec;
}

// Whether the workspace shows these bytes by itself, as it does what the host wrote in place.
bool shows(const std::string& path, const struct stat& about, uint32_t mode, int source) {
  struct stat wanted{};
  if (!S_ISREG(about.st_mode) || (about.st_mode & 0777) != (mode & 0777) || ::fstat(source, &wanted) != 0 ||
      wanted.st_size != about.st_size)
    return false;
  // The agent may have put a fifo there by now.
  Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file || ::fstat(file.get(), &wanted) != 0 || !S_ISREG(wanted.st_mode)) return false;
  static std::array<char, kBlock> here;
  static std::array<char, kBlock> there;
  for (off_t offset = 0;;) {
    ssize_t count = ::pread(source, here.data(), here.size(), offset);
    if (count < 0 || ::pread(file.get(), there.data(), there.size(), offset) != count) return false;
    if (count == 0) return true;
    if (std::memcmp(here.data(), there.data(), static_cast<size_t>(count)) != 0) return false;
    offset += count;
  }
}

Status write_copy(const shimwire::ImportRequest& request, const std::string& temporary, int source) {
  // What lies there is the agent's, and could be a fifo that nobody reads.
  ::unlink(temporary.c_str());
  if (!request.link.empty()) {
    if (::symlink(request.link.c_str(), temporary.c_str()) != 0) return fail(request.path);
    return {};
  }
  Fd target = HV_TRY(base::open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, request.mode & 0777));
  std::array<char, kBlock> buffer;
  for (off_t offset = 0;;) {
    ssize_t count = ::pread(source, buffer.data(), buffer.size(), offset);
    if (count < 0) return fail(request.path);
    if (count == 0) break;
    HV_TRY(base::write_all(target.get(), {buffer.data(), static_cast<size_t>(count)}));
    offset += count;
  }
  if (::fchmod(target.get(), request.mode & 0777) != 0) return fail(request.path);
  return {};
}

}  // namespace

Status import_file(const shimwire::ImportRequest& request, int source) {
  const std::string& path = request.path;
  size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0 || (source < 0) == request.link.empty())
    return Failure(base::invalid_argument("bring in: not a file below a directory: " + path));
  // What is mounted over one file of the workspace hides it, and so the new version as well.
  struct statx about{};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &about) == 0 &&
      (about.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
    return Failure(base::denied("bring in " + path + ": it is hidden by the policy, or protected"));
  std::optional<struct stat> before = look_at(path);
  if (before && request.link.empty() && shows(path, *before, request.mode, source)) return {};
  HV_TRY(base::make_directories(path.substr(0, slash), 0755));
  std::string temporary = path.substr(0, slash + 1) + ".hydravisor-import";
  auto copy = [&]() -> Status {
    HV_TRY(write_copy(request, temporary, source));
    if (!is_unchanged(before, look_at(path))) return Failure(base::conflict("bring in " + path + ": it just changed"));
    if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(path);
    return {};
  };
  Status copied = copy();
  if (!copied) ::unlink(temporary.c_str());
  return copied;
}

}  // namespace hv::init
