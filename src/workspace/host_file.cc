#include "workspace/host_file.h"

#include <cerrno>
#include <cstdio>
#include <vector>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "workspace/bytes.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Status;

static Error error_at(int cause, const char* operation, std::string_view path) {
  return Error::from_errno(cause, operation, "'" + base::printable(path) + "'");
}

static Error changed_meanwhile(std::string_view path) {
  return base::conflict("'" + base::printable(path) + "': the host changed it meanwhile");
}

bool is_same_file(const Entry& first, const Entry& second) {
  return first.type == second.type && first.inode == second.inode && first.size == second.size &&
         first.mtime == second.mtime;
}

static int rename_at(const Tree& tree, std::string_view from, std::string_view to, unsigned flags) {
  auto from_parent = tree.parent(from);
  auto to_parent = tree.parent(to);
  if (!from_parent || !to_parent) return from_parent ? to_parent.error().os_error() : from_parent.error().os_error();
  return ::renameat2(from_parent->get(), std::string(name_of(from)).c_str(), to_parent->get(),
                     std::string(name_of(to)).c_str(), flags) == 0
             ? 0
             : errno;
}

Status exchange(const Tree& tree, std::string_view from, std::string_view to, const std::optional<Entry>& expected) {
  if (!expected) {
    int cause = rename_at(tree, from, to, RENAME_NOREPLACE);
    if (cause == EEXIST) return Failure(changed_meanwhile(to));
    if (cause != 0) return Failure(error_at(cause, "put", to));
    return {};
  }
  auto present = HV_TRY(tree.stat(to));
  if (!present || !is_same_file(*present, *expected)) return Failure(changed_meanwhile(to));
  int cause = rename_at(tree, from, to, RENAME_EXCHANGE);
  if (cause == EINVAL || cause == ENOSYS) {
    // A file system without exchange: the check above must do.
    cause = rename_at(tree, from, to, 0);
    if (cause != 0) return Failure(error_at(cause, "replace", to));
    return {};
  }
  if (cause != 0) return Failure(error_at(cause, "replace", to));
  // What we displaced shows whether the host was quicker than the check.
  auto displaced = HV_TRY(tree.stat(from));
  if (displaced && is_same_file(*displaced, *expected)) return {};
  if (int back = rename_at(tree, from, to, RENAME_EXCHANGE); back != 0) return Failure(error_at(back, "put back", to));
  return Failure(changed_meanwhile(to));
}

Status move_aside(const Tree& tree, std::string_view path, std::string_view aside, const Entry& expected) {
  auto present = HV_TRY(tree.stat(path));
  if (!present || !is_same_file(*present, expected)) return Failure(changed_meanwhile(path));
  int cause = rename_at(tree, path, aside, RENAME_NOREPLACE);
  if (cause == EINVAL || cause == ENOSYS) cause = rename_at(tree, path, aside, 0);
  if (cause != 0) return Failure(error_at(cause, "remove", path));
  auto moved = HV_TRY(tree.stat(aside));
  if (moved && is_same_file(*moved, expected)) return {};
  if (int back = rename_at(tree, aside, path, RENAME_NOREPLACE); back != 0)
    return Failure(error_at(back, "put back", path));
  return Failure(changed_meanwhile(path));
}

static Status unlink_at(const Tree& tree, std::string_view path, int flags, const char* operation) {
  Fd parent = HV_TRY(tree.parent(path));
  if (::unlinkat(parent.get(), std::string(name_of(path)).c_str(), flags) != 0 && errno != ENOENT)
    return Failure(error_at(errno, operation, path));
  return {};
}

Status remove_file(const Tree& tree, std::string_view path) {
  return unlink_at(tree, path, 0, "remove");
}

Status remove_directory(const Tree& tree, std::string_view path) {
  Status removed = unlink_at(tree, path, AT_REMOVEDIR, "remove the directory");
  if (!removed && removed.error().os_error() == ENOTEMPTY) return Failure(changed_meanwhile(path));
  return removed;
}

Status set_mode(const Tree& tree, std::string_view path, uint32_t mode) {
  // O_PATH, because the owner may have no right to open it; chmod goes through the descriptor's name.
  Fd fd = HV_TRY(tree.open_file(path, O_PATH));
  if (HV_TRY(stat_fd(fd.get())).type == FileType::symlink) return {};
  if (::chmod(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), mode) != 0)
    return Failure(error_at(errno, "set the mode of", path));
  return {};
}

Status set_owner(const Tree& tree, std::string_view path, uint32_t uid, uint32_t gid) {
  Fd fd = HV_TRY(tree.open_file(path, O_PATH));
  Entry entry = HV_TRY(stat_fd(fd.get()));
  if (entry.uid == uid && entry.gid == gid) return {};
  if (::fchownat(fd.get(), "", entry.uid == uid ? static_cast<uid_t>(-1) : uid, gid, AT_EMPTY_PATH) != 0)
    return Failure(error_at(errno, "keep the owner of", path));
  return {};
}

Status copy_content(int source, int destination) {
  if (::ioctl(destination, FICLONE, source) == 0) return {};
  std::vector<char> buffer(size_t{1} << 20);
  for (off_t offset = 0;;) {
    ssize_t count = ::pread(source, buffer.data(), buffer.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failure(Error::from_errno(errno, "read"));
    if (count == 0) return {};
    HV_TRY(base::write_all(destination, {buffer.data(), static_cast<size_t>(count)}));
    offset += count;
  }
}

void copy_attributes(int source, int destination) {
  ssize_t size = ::flistxattr(source, nullptr, 0);
  if (size <= 0) return;
  std::string names(static_cast<size_t>(size), '\0');
  size = ::flistxattr(source, names.data(), names.size());
  if (size <= 0) return;
  names.resize(static_cast<size_t>(size));
  for (const std::string& name : base::split(names, '\0')) {
    // A capability belongs to the bytes it was given for.
    if (name.empty() || name == "security.capability" || name.starts_with("user.overlay.")) continue;
    std::string value(65536, '\0');
    ssize_t length = ::fgetxattr(source, name.c_str(), value.data(), value.size());
    if (length >= 0)
      static_cast<void>(::fsetxattr(destination, name.c_str(), value.data(), static_cast<size_t>(length), 0));
  }
}

bool keep_link(const Tree& tree, std::string_view path, int directory, const std::string& name) {
  auto parent = tree.parent(path);
  return parent && ::linkat(parent->get(), std::string(name_of(path)).c_str(), directory, name.c_str(), 0) == 0;
}

Status make_symlink(const Tree& tree, std::string_view path, const std::string& target) {
  Fd parent = HV_TRY(tree.parent(path));
  if (::symlinkat(target.c_str(), parent.get(), std::string(name_of(path)).c_str()) != 0)
    return Failure(error_at(errno, "make the link", path));
  return {};
}

}  // namespace hv::workspace
