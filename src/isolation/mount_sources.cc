#include "isolation/mount_sources.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "isolation/syscalls.h"

namespace hv::isolation {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using core::Mount;

// The bits of one character of a parcel's shape.
constexpr unsigned kTree = 1;
constexpr unsigned kUpper = 2;
constexpr unsigned kUpperTree = 4;
constexpr unsigned kDirectory = 8;

Failure fail(std::string_view operation, std::string_view thing) {
  return Failure(Error::from_errno(errno, operation, thing));
}

}  // namespace

Result<std::vector<OpenedMount>> open_sources(const std::vector<Mount>& mounts, const IdMapFor& id_map_for) {
  std::vector<OpenedMount> opened;
  opened.reserve(mounts.size());
  for (const Mount& mount : mounts) {
    OpenedMount& entry = opened.emplace_back();
    entry.mount = &mount;
    bool is_bind = mount.kind == Mount::Kind::bind;
    if (!is_bind && mount.kind != Mount::Kind::overlay) continue;
    // Recursive always: the children of a mount copied into a less privileged namespace are locked together with it.
    bool id_mapped = id_map_for && mount.writable;
    if (is_bind || id_mapped) {
      unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (id_mapped ? 0u : AT_RECURSIVE);
      entry.tree = Fd(open_tree(AT_FDCWD, mount.source.c_str(), flags));
    } else {
      entry.tree = Fd(::open(mount.source.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    struct stat about{};
    if (!entry.tree || ::fstat(entry.tree.get(), &about) != 0) {
      if (mount.optional && (errno == ENOENT || errno == EACCES)) continue;
      return fail("bind", mount.source);
    }
    entry.is_directory = S_ISDIR(about.st_mode);
    if (!mount.upper.empty()) entry.upper = HV_TRY(base::open_file(mount.upper, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    if (!id_mapped) continue;
    int map = HV_TRY(id_map_for(about.st_uid));
    if (entry.upper) {
      entry.upper_tree = Fd(open_tree(entry.upper.get(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
      if (!entry.upper_tree ||
          set_mount_attributes(entry.upper_tree.get(), "", AT_EMPTY_PATH, MOUNT_ATTR_IDMAP, 0, map) != 0)
        return fail("map the owners of", mount.upper);
    }
    if (set_mount_attributes(entry.tree.get(), "", AT_EMPTY_PATH, MOUNT_ATTR_IDMAP, 0, map) != 0)
      return Failure(
          Error::from_errno(errno, "map the owners of", mount.source)
              .with_hint("its file system cannot do that, as an overlay in a container cannot: name a directory "
                         "on a local disk, for the state by XDG_STATE_HOME"));
  }
  return opened;
}

SourceParcel pack(const std::vector<OpenedMount>& sources) {
  SourceParcel parcel;
  for (const OpenedMount& source : sources) {
    unsigned bits = source.is_directory ? kDirectory : 0;
    for (auto [fd, bit] : {std::pair{&source.tree, kTree}, {&source.upper, kUpper}, {&source.upper_tree, kUpperTree}}) {
      if (!*fd) continue;
      bits |= bit;
      parcel.fds.push_back(fd->get());
    }
    parcel.shape.push_back(static_cast<char>(bits));
  }
  return parcel;
}

Result<std::vector<OpenedMount>> unpack(const std::vector<Mount>& mounts, std::string_view shape, std::vector<Fd> fds) {
  auto misfit = [] { return Failure(base::invalid_argument("the sources do not fit the mounts")); };
  if (shape.size() != mounts.size()) return misfit();
  std::vector<OpenedMount> opened;
  size_t next = 0;
  for (size_t i = 0; i < mounts.size(); ++i) {
    OpenedMount& entry = opened.emplace_back();
    entry.mount = &mounts[i];
    auto bits = static_cast<unsigned char>(shape[i]);
    entry.is_directory = (bits & kDirectory) != 0;
    for (auto [fd, bit] : {std::pair{&entry.tree, kTree}, {&entry.upper, kUpper}, {&entry.upper_tree, kUpperTree}}) {
      if ((bits & bit) == 0) continue;
      if (next == fds.size()) return misfit();
      *fd = std::move(fds[next++]);
    }
  }
  if (next != fds.size()) return misfit();
  return opened;
}

}  // namespace hv::isolation
