#include "images/workspace_check.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "images/binder.h"
#include "images/host_view.h"
#include "images/secret_paths.h"

namespace hv::images {

namespace {

using base::Failure;
using base::format;

struct FileSystem {
  unsigned long magic;
  const char* name;
};

// Not in <linux/magic.h>.
constexpr unsigned long kExfat = 0x2011bab0, kNtfs = 0x5346544e, kNtfs3 = 0x7366746e, kCifs = 0xff534d42,
                        kSmb2 = 0xfe534d42, kMqueue = 0x19800202, kConfigfs = 0x62656570, kFuseCtl = 0x65735543,
                        kFuse = 0x65735546;

constexpr FileSystem kPseudo[] = {
    {PROC_SUPER_MAGIC, "proc"},
    {SYSFS_MAGIC, "sysfs"},
    {DEBUGFS_MAGIC, "debugfs"},
    {TRACEFS_MAGIC, "tracefs"},
    {SECURITYFS_MAGIC, "securityfs"},
    {CGROUP_SUPER_MAGIC, "cgroup"},
    {CGROUP2_SUPER_MAGIC, "cgroup2"},
    {DEVPTS_SUPER_MAGIC, "devpts"},
    {BPF_FS_MAGIC, "bpf"},
    {PSTOREFS_MAGIC, "pstore"},
    {EFIVARFS_MAGIC, "efivarfs"},
    {kConfigfs, "configfs"},
    {kMqueue, "mqueue"},
    {HUGETLBFS_MAGIC, "hugetlbfs"},
    {kFuseCtl, "fusectl"},
    {SELINUX_MAGIC, "selinuxfs"},
};

// The kernel refuses these below an overlay (they compare names in a way of their own), or their files change behind
// its back.
constexpr FileSystem kNotLower[] = {
    {MSDOS_SUPER_MAGIC, "vfat"},        {kExfat, "exfat"},  {kNtfs, "ntfs"},          {kNtfs3, "ntfs"},
    {NFS_SUPER_MAGIC, "NFS"},           {kFuse, "FUSE"},    {kCifs, "SMB"},           {kSmb2, "SMB"},
    {SMB_SUPER_MAGIC, "SMB"},           {V9FS_MAGIC, "9p"}, {AFS_SUPER_MAGIC, "AFS"}, {CODA_SUPER_MAGIC, "Coda"},
    {ECRYPTFS_SUPER_MAGIC, "eCryptfs"},
};
// Above, an overlay cannot be either.
constexpr FileSystem kNotUpper[] = {
    {OVERLAYFS_SUPER_MAGIC, "overlay"}, {ISOFS_SUPER_MAGIC, "iso9660"}, {SQUASHFS_MAGIC, "squashfs"}};

const char* name_in(std::span<const FileSystem> list, unsigned long magic) {
  auto it = std::ranges::find(list, magic, &FileSystem::magic);
  return it == list.end() ? nullptr : it->name;
}

unsigned long magic_of(const std::string& path) {
  struct statfs about{};
  return ::statfs(path.c_str(), &about) == 0 ? static_cast<unsigned long>(about.f_type) & 0xffffffffUL : 0;
}

// The nearest directory above `path` that exists: the state directory may not have been made yet.
std::string existing_parent(std::string path) {
  while (path != "/" && !base::path_exists(path)) path = std::string(parent_of(path));
  return path;
}

}  // namespace

const char* overlay_obstacle(unsigned long magic, bool upper) {
  if (const char* name = name_in(kPseudo, magic)) return name;
  if (const char* name = name_in(kNotLower, magic)) return name;
  return upper ? name_in(kNotUpper, magic) : nullptr;
}

base::Result<std::string> check_workspace(const WorkspaceCheck& check) {
  std::string shown = base::printable(check.path);
  auto refuse = [&](base::ErrorCode code, const std::string& why, const std::string& hint) {
    return Failure(base::Error(code, format("workspace {}: {}", shown, why)).with_hint(hint));
  };
  constexpr const char* kElsewhere = "change to your project's directory, or start with --workspace none";
  if (!check.path.starts_with('/'))
    return refuse(base::ErrorCode::invalid_argument, "not an absolute path", "name the directory from / on");
  struct stat about{};
  if (::stat(check.path.c_str(), &about) != 0)
    return Failure(base::Error::from_errno(errno, "open the workspace", shown).with_hint(kElsewhere));
  if (!S_ISDIR(about.st_mode)) return refuse(base::ErrorCode::invalid_argument, "not a directory", kElsewhere);
  std::string path = canonical_or_same(check.path);
  std::string home = canonical_or_same(check.home);
  std::string state = canonical_or_same(existing_parent(check.state)) == existing_parent(check.state)
                          ? check.state
                          : canonical_or_same(check.state);
  if (path == "/")
    return refuse(base::ErrorCode::denied, "the root of the file system cannot be a workspace", kElsewhere);
  if (home.size() > 1 && path == home)
    return refuse(base::ErrorCode::denied,
                  "your home cannot be a workspace: everything you own would be in the agent's reach", kElsewhere);
  if (home.size() > 1 && lies_in(home, path))
    return refuse(base::ErrorCode::denied, "your home lies in it", kElsewhere);
  for (std::string_view system : {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/var", "/home", "/root", "/tmp"})
    if (path == system) return refuse(base::ErrorCode::denied, "a system directory cannot be a workspace", kElsewhere);
  for (std::string_view system : {"/etc", "/proc", "/sys", "/dev", "/boot"})
    if (lies_in(path, system))
      return refuse(base::ErrorCode::denied, "a system directory cannot be a workspace", kElsewhere);
  if (!state.empty() && (lies_in(path, state) || lies_in(state, path)))
    return refuse(base::ErrorCode::denied, "it holds Hydravisor's own state, or lies in it", kElsewhere);
  for (const std::string& directory : check.own) {
    std::string own = canonical_or_same(directory);
    if (!own.empty() && (lies_in(path, own) || lies_in(own, path)))
      return refuse(base::ErrorCode::denied,
                    format("it holds {}, where Hydravisor's own files lie, or lies in it", base::printable(own)),
                    kElsewhere);
  }
  if (std::string secret = secret_within(path, home); !secret.empty() && lies_in(path, secret))
    return refuse(base::ErrorCode::denied, format("it lies in {}, which holds secrets", secret), kElsewhere);
  if (::access(path.c_str(), R_OK | X_OK) != 0)
    return refuse(base::ErrorCode::denied, "you may not read it",
                  "ls -ld " + base::shell_quote(path) + " shows its owner and mode");
  unsigned long magic = magic_of(path);
  if (const char* name = name_in(kPseudo, magic))
    return refuse(base::ErrorCode::unsupported, format("it is on {}, a pseudo file system", name), kElsewhere);
  if (check.mode == core::WorkspaceMode::live && ::access(path.c_str(), W_OK) != 0)
    return refuse(base::ErrorCode::denied, "you may not write it", "start with --workspace ro or --workspace cow");
  if (check.mode != core::WorkspaceMode::cow) return path;
  if (const char* name = overlay_obstacle(magic, false))
    return refuse(base::ErrorCode::unsupported,
                  format("it is on {}, which a copy-on-write view cannot be laid over", name),
                  "start with --workspace live, or work in a copy on a local disk");
  if (!check.state.empty())
    if (const char* name = overlay_obstacle(magic_of(existing_parent(check.state)), true))
      return refuse(base::ErrorCode::unsupported,
                    format("changes would be kept in {}, which is on {}, and a copy-on-write view cannot write there",
                           base::printable(check.state), name),
                    "set XDG_STATE_HOME to a directory on a local disk, or start with --workspace live");
  return path;
}

}  // namespace hv::images
