#include "workspace/tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "workspace/bytes.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;

std::string_view type_name(FileType type) {
  switch (type) {
    case FileType::regular:
      return "file";
    case FileType::directory:
      return "directory";
    case FileType::symlink:
      return "symlink";
    case FileType::fifo:
      return "fifo";
    case FileType::socket:
      return "socket";
    case FileType::device:
      return "device";
  }
  return "file";
}

Result<FileType> parse_type(std::string_view text) {
  for (FileType type :
       {FileType::regular, FileType::directory, FileType::symlink, FileType::fifo, FileType::socket, FileType::device})
    if (type_name(type) == text) return type;
  return Failure(base::invalid_argument("unknown file type '" + base::printable(text) + "'"));
}

static Entry entry_of(const struct statx& about) {
  auto nanoseconds = [](const statx_timestamp& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; };
  Entry entry;
  switch (about.stx_mode & S_IFMT) {
    case S_IFREG:
      entry.type = FileType::regular;
      break;
    case S_IFDIR:
      entry.type = FileType::directory;
      break;
    case S_IFLNK:
      entry.type = FileType::symlink;
      break;
    case S_IFIFO:
      entry.type = FileType::fifo;
      break;
    case S_IFSOCK:
      entry.type = FileType::socket;
      break;
    default:
      entry.type = FileType::device;
      break;
  }
  entry.mode = about.stx_mode & 07777;
  entry.uid = about.stx_uid;
  entry.gid = about.stx_gid;
  entry.inode = about.stx_ino;
  entry.device = makedev(about.stx_dev_major, about.stx_dev_minor);
  entry.size = about.stx_size;
  entry.links = about.stx_nlink;
  entry.mtime = nanoseconds(about.stx_mtime);
  entry.ctime = nanoseconds(about.stx_ctime);
  entry.btime = (about.stx_mask & STATX_BTIME) != 0 ? nanoseconds(about.stx_btime) : 0;
  entry.whiteout = (about.stx_mode & S_IFMT) == S_IFCHR && about.stx_rdev_major == 0 && about.stx_rdev_minor == 0;
  return entry;
}

Result<Entry> stat_fd(int fd) {
  struct statx about{};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &about) != 0)
    return Failure(Error::from_errno(errno, "stat"));
  return entry_of(about);
}

Result<std::optional<Entry>> stat_at(int directory, const std::string& name) {
  struct statx about{};
  if (::statx(directory, name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &about) == 0)
    return entry_of(about);
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  return Failure(Error::from_errno(errno, "stat", base::printable(name)));
}

Result<Tree> Tree::open(const std::string& path) {
  return Tree(HV_TRY(base::open_file(path, O_RDONLY | O_DIRECTORY)));
}

Result<Fd> Tree::open_file(std::string_view path, int flags, mode_t mode) const {
  return base::open_resolving(root_.get(), path, flags | O_NOFOLLOW, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

Result<Fd> Tree::open_regular(std::string_view path) const {
  // O_NONBLOCK: a fifo put there meanwhile must not block us.
  Fd fd = HV_TRY(open_file(path, O_RDONLY | O_NONBLOCK));
  if (HV_TRY(stat_fd(fd.get())).type != FileType::regular)
    return Failure(base::conflict("read '" + base::printable(path) + "': no longer a regular file"));
  return fd;
}

Result<Fd> Tree::open_directory(std::string_view path) const {
  return open_file(path, O_RDONLY | O_DIRECTORY);
}

Result<Fd> Tree::parent(std::string_view path) const {
  return open_directory(parent_of(path));
}

Result<std::optional<Entry>> Tree::stat(std::string_view path) const {
  if (path.empty()) return HV_TRY(stat_fd(root_.get()));
  if (path.find('/') == std::string_view::npos) return stat_at(root_.get(), std::string(path));
  auto directory = parent(path);
  if (!directory) {
    // ELOOP: a parent is a symlink, so the path does not exist as such.
    int cause = directory.error().os_error();
    if (cause == ENOENT || cause == ENOTDIR || cause == ELOOP) return std::nullopt;
    return Failure(std::move(directory).error());
  }
  return stat_at(directory->get(), std::string(name_of(path)));
}

Result<std::string> Tree::read_link(std::string_view path) const {
  Fd directory = HV_TRY(parent(path));
  std::string target(4096, '\0');
  ssize_t length = ::readlinkat(directory.get(), std::string(name_of(path)).c_str(), target.data(), target.size());
  if (length < 0) return Failure(Error::from_errno(errno, "read link", base::printable(path)));
  target.resize(static_cast<size_t>(length));
  return target;
}

Result<std::vector<std::string>> Tree::list(std::string_view path) const {
  Fd directory = HV_TRY(open_directory(path));
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), ::closedir);
  if (!stream) return Failure(Error::from_errno(errno, "list", base::printable(path)));
  directory.release();
  std::vector<std::string> names;
  errno = 0;
  while (dirent* entry = ::readdir(stream.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return Failure(Error::from_errno(errno, "list", base::printable(path)));
  std::ranges::sort(names);
  return names;
}

std::string Tree::attribute(std::string_view path, const char* name) const {
  auto fd = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!fd) return {};
  char value[256];
  ssize_t length = ::fgetxattr(fd->get(), name, value, sizeof value);
  return length <= 0 ? std::string{} : std::string(value, static_cast<size_t>(length));
}

Result<bool> same_content(int first, int second) {
  auto left = std::make_unique<std::array<char, 131072>>();
  auto right = std::make_unique<std::array<char, 131072>>();
  // pread fills the buffer or meets the end, so that short reads on one side do not look like a difference.
  auto fill = [](int fd, std::array<char, 131072>& buffer, off_t offset) -> Result<size_t> {
    size_t filled = 0;
    while (filled < buffer.size()) {
      ssize_t count = ::pread(fd, buffer.data() + filled, buffer.size() - filled, offset + static_cast<off_t>(filled));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Failure(Error::from_errno(errno, "read"));
      if (count == 0) break;
      filled += static_cast<size_t>(count);
    }
    return filled;
  };
  for (off_t offset = 0;;) {
    size_t from_left = HV_TRY(fill(first, *left, offset));
    size_t from_right = HV_TRY(fill(second, *right, offset));
    if (from_left != from_right || std::memcmp(left->data(), right->data(), from_left) != 0) return false;
    if (from_left == 0) return true;
    offset += static_cast<off_t>(from_left);
  }
}

}  // namespace hv::workspace
