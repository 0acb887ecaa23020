// A directory tree reached through one descriptor. Every path below it is resolved by openat2 without following any
// symlink, so what an agent planted cannot lead out. Paths are relative bytes; an empty path is the root itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"

namespace hv::workspace {

enum class FileType : uint8_t { regular, directory, symlink, fifo, socket, device };
std::string_view type_name(FileType type);
base::Result<FileType> parse_type(std::string_view text);

// What statx tells; times in nanoseconds since the epoch.
struct Entry {
  FileType type = FileType::regular;
  uint32_t mode = 0;  // permission bits with set-id and sticky, 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t inode = 0;
  uint64_t device = 0;
  uint64_t size = 0;
  uint32_t links = 1;
  int64_t mtime = 0;
  int64_t ctime = 0;
  int64_t btime = 0;      // 0 where the file system keeps none
  bool whiteout = false;  // an overlay's character device 0:0
};

class Tree {
 public:
  // `path` is trusted (given by the user or made by us) and may contain symlinks.
  static base::Result<Tree> open(const std::string& path);
  explicit Tree(base::Fd root) : root_(std::move(root)) {}

  int root() const { return root_.get(); }

  // nullopt when nothing is there, also when a parent is missing or is no directory.
  base::Result<std::optional<Entry>> stat(std::string_view path) const;
  // O_NOFOLLOW on every component. `flags` as for open(2).
  base::Result<base::Fd> open_file(std::string_view path, int flags, mode_t mode = 0) const;
  // A regular file for reading, and what it is. `conflict` when it is no longer a regular file.
  base::Result<base::Fd> open_regular(std::string_view path) const;
  base::Result<base::Fd> open_directory(std::string_view path) const;
  base::Result<std::string> read_link(std::string_view path) const;
  // Sorted by bytes, without "." and "..".
  base::Result<std::vector<std::string>> list(std::string_view path) const;
  // "" when the attribute is absent or cannot be read; symlinks have none.
  std::string attribute(std::string_view path, const char* name) const;
  // For calls that take a directory descriptor and a name: the parent of `path`.
  base::Result<base::Fd> parent(std::string_view path) const;

 private:
  base::Fd root_;
};

base::Result<Entry> stat_fd(int fd);
base::Result<std::optional<Entry>> stat_at(int directory, const std::string& name);

// Whether the bytes of two open files are the same; both are read from their beginning.
base::Result<bool> same_content(int first, int second);

}  // namespace hv::workspace
