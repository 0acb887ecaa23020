#include "isolation/mounts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolation/syscalls.h"

namespace hv::isolation {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;
using core::Mount;

// Directories of the system below which no source of a mount ever lies; the new root covers the first that is there
// until pivot_root.
constexpr std::array<const char*, 2> kStaging{"/sys", "/boot"};
// Of the host's tree, once its devices have been opened.
constexpr const char* kSpentPlace = "/dev";

Failure fail(std::string_view operation, std::string_view thing) {
  return Failure(Error::from_errno(errno, operation, thing));
}

// Resolves `path` inside `root`: absolute links and ".." end at it, magic links are refused.
Result<Fd> open_inside(int root, std::string_view path, int flags, mode_t mode = 0) {
  return HV_TRY_CONTEXT(base::open_resolving(root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
                        "inside the sandbox");
}

std::pair<std::string, std::string> split_path(const std::string& path) {
  size_t slash = path.rfind('/');
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// The directory `path` inside `root`, made with its parents where it lacks.
Result<Fd> make_directory_inside(int root, const std::string& path) {
  Result<Fd> there = open_inside(root, path, O_PATH | O_DIRECTORY);
  if (there || there.error().os_error() != ENOENT) return there;
  auto [parent, name] = split_path(path);
  Fd above = HV_TRY(make_directory_inside(root, parent));
  if (::mkdirat(above.get(), name.c_str(), 0755) != 0 && errno != EEXIST)
    return Failure(
        Error::from_errno(errno, "make a mount point", path)
            .with_hint("the directory above it is read-only inside; create it on the host or bind its parent"));
  return open_inside(root, path, O_PATH | O_DIRECTORY);
}

Result<Fd> make_target(int root, const std::string& path, bool is_directory) {
  if (is_directory) return make_directory_inside(root, path);
  Result<Fd> there = open_inside(root, path, O_PATH);
  if (there || there.error().os_error() != ENOENT) return there;
  auto [parent, name] = split_path(path);
  Fd above = HV_TRY(make_directory_inside(root, parent));
  Fd made(::openat(above.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!made) return fail("make a mount point", path);
  return open_inside(root, path, O_PATH);
}

Status attach(int tree, int root, const std::string& target, bool is_directory) {
  Fd place = HV_TRY(make_target(root, target, is_directory));
  if (move_mount(tree, "", place.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return fail("mount at", target);
  return {};
}

Result<Fd> new_tmpfs(const char* mode, uint64_t size, unsigned attributes) {
  Fd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context) return fail("make a tmpfs", "");
  std::string bytes = std::to_string(size);
  fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", mode, 0);
  if (size != 0) {
    // Empty files cost memory of the kernel that no size counts: so many as there could be files of one page.
    std::string inodes = std::to_string(std::max<uint64_t>(size / 4096, 64));
    fsconfig(context.get(), FSCONFIG_SET_STRING, "size", bytes.c_str(), 0);
    fsconfig(context.get(), FSCONFIG_SET_STRING, "nr_inodes", inodes.c_str(), 0);
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return fail("make a tmpfs", "");
  Fd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, attributes));
  if (!mount) return fail("mount a tmpfs", "");
  return mount;
}

uint64_t attributes_of(const Mount& mount) {
  return MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (mount.writable ? 0 : MOUNT_ATTR_RDONLY) |
         (mount.executable ? 0 : MOUNT_ATTR_NOEXEC);
}

Status add_bind(OpenedMount& opened, int root) {
  const Mount& mount = *opened.mount;
  // Set only, never clear: an attribute that the host locked stays (clearing it would be EPERM).
  if (set_mount_attributes(opened.tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, attributes_of(mount)) != 0)
    return fail("set mount attributes of", mount.source);
  return attach(opened.tree.get(), root, mount.target, opened.is_directory);
}

std::string self_fd(const Fd& fd) {
  return "/proc/self/fd/" + std::to_string(fd.get());
}

// Layers are named through /proc/self/fd, since their paths may be hidden by the staging mount or unreadable to the
// mapped user.
Result<Fd> make_overlay(const Mount& mount, const Fd& lower, const Fd& upper_directory) {
  Fd upper = HV_TRY(base::open_file("upper", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, upper_directory.get()));
  Fd work = HV_TRY(base::open_file("work", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, upper_directory.get()));
  Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  auto set = [&](const char* key, const std::string& value) {
    return fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
  };
  if (!context || !set("source", "hydravisor") || !set("lowerdir", self_fd(lower)) ||
      !set("upperdir", self_fd(upper)) || !set("workdir", self_fd(work)) ||
      fsconfig(context.get(), FSCONFIG_SET_FLAG, "userxattr", nullptr, 0) != 0 ||
      fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return Failure(Error::from_errno(errno, "make the copy-on-write view of", mount.source)
                       .with_hint("its file system may not support overlays; use --workspace live"));
  Fd tree(fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes_of(mount))));
  if (!tree) return fail("mount the copy-on-write view of", mount.source);
  return tree;
}

// Layers that real root opened and mapped must be attached somewhere before an overlay can be made of them: on a place
// of the host's tree that is of no more use, so that they go with it.
Status add_overlay(OpenedMount& opened, int root) {
  bool id_mapped = static_cast<bool>(opened.upper_tree);
  if (id_mapped)
    for (const Fd* layer : {&opened.tree, &opened.upper_tree})
      if (move_mount(layer->get(), "", AT_FDCWD, kSpentPlace, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return fail("attach a layer of", opened.mount->source);
  Fd tree = HV_TRY(make_overlay(*opened.mount, opened.tree, id_mapped ? opened.upper_tree : opened.upper));
  return attach(tree.get(), root, opened.mount->target, true);
}

Status add_file(const Mount& mount, int root) {
  auto [parent, name] = split_path(mount.target);
  Fd above = HV_TRY(make_directory_inside(root, parent));
  if (mount.kind == Mount::Kind::symlink) {
    if (::symlinkat(mount.content.c_str(), above.get(), name.c_str()) != 0 && errno != EEXIST)
      return fail("make the link", mount.target);
    return {};
  }
  Fd file(::openat(above.get(), name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file) return fail("make the file", mount.target);
  return base::write_all(file.get(), mount.content);
}

// What is shown instead is made in the new root, cloned, and unlinked: the clone lives on.
Status add_cover(const Mount& mount, int root) {
  constexpr const char* kSource = ".covered";
  // The place was found with every link followed: one that is there by now was put there to turn this aside.
  Result<Fd> place = base::open_resolving(root, mount.target, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  if (!place)
    return place.error().os_error() == ENOENT || place.error().os_error() == ENOTDIR ? Status{}
                                                                                     : Status(Failure(place.error()));
  struct stat about{};
  if (::fstat(place->get(), &about) != 0) return fail("look at", mount.target);
  bool is_directory = S_ISDIR(about.st_mode);
  if (is_directory ? ::mkdirat(root, kSource, 0555) != 0 : ::mknodat(root, kSource, S_IFREG | 0444, 0) != 0)
    return fail("make what covers", mount.target);
  Fd tree(open_tree(root, kSource, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  constexpr uint64_t kAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  bool covered = tree && set_mount_attributes(tree.get(), "", AT_EMPTY_PATH, kAttributes) == 0 &&
                 move_mount(tree.get(), "", place->get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
  int error = errno;
  // Only once it is in its place: what has no name cannot be mounted.
  ::unlinkat(root, kSource, is_directory ? AT_REMOVEDIR : 0);
  if (!covered) return Failure(Error::from_errno(error, "cover", mount.target));
  return {};
}

Status add_mount(OpenedMount& opened, int root) {
  const Mount& mount = *opened.mount;
  switch (mount.kind) {
    case Mount::Kind::bind:
      return opened.tree ? add_bind(opened, root) : Status{};
    case Mount::Kind::overlay:
      return add_overlay(opened, root);
    case Mount::Kind::tmpfs: {
      // /tmp and its like are for everybody inside; anything else is the agent's.
      Fd tmpfs = HV_TRY(new_tmpfs("1777", mount.size, static_cast<unsigned>(attributes_of(mount))));
      return attach(tmpfs.get(), root, mount.target, true);
    }
    case Mount::Kind::file:
    case Mount::Kind::symlink:
      return add_file(mount, root);
    case Mount::Kind::cover:
      return add_cover(mount, root);
    case Mount::Kind::directory:
      HV_TRY(make_directory_inside(root, mount.target));
      return {};
  }
  return {};
}

Status bind_over(int root, const char* source, const char* target, uint64_t attributes) {
  Result<Fd> place = open_inside(root, target, O_PATH);
  if (!place) return {};  // this kernel has no such file: nothing to hide
  Fd tree(open_tree(root, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree || set_mount_attributes(tree.get(), "", AT_EMPTY_PATH, attributes) != 0 ||
      move_mount(tree.get(), "", place->get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return fail("mask", target);
  return {};
}

// Files that tell about, or act on, the whole machine. What is not readable to the mapped user anyway is masked all the
// same: permissions differ between kernels and distributions.
Status mask_proc(int root) {
  constexpr uint64_t kReadOnly = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  for (const char* file :
       {"kcore", "keys", "kallsyms", "kmsg", "key-users", "latency_stats", "timer_list", "sched_debug", "sysrq-trigger",
        "kpagecount", "kpageflags", "kpagecgroup", "vmallocinfo", "slabinfo"})
    HV_TRY(bind_over(root, "dev/null", (std::string("proc/") + file).c_str(),
                     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  for (const char* directory : {"acpi", "scsi", "asound"})
    HV_TRY(bind_over(root, ".empty", (std::string("proc/") + directory).c_str(), kReadOnly));
  for (const char* directory : {"proc/sys", "proc/irq", "proc/bus", "proc/fs"})
    HV_TRY(bind_over(root, directory, directory, kReadOnly));
  return {};
}

Result<Fd> new_proc() {
  Fd context(::fsopen("proc", FSOPEN_CLOEXEC));
  if (!context || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return Failure(
        Error::from_errno(errno, "mount a fresh /proc")
            .with_hint("something is mounted over parts of this machine's /proc; `hydravisor doctor` names it"));
  Fd tree(fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (!tree) return fail("mount a fresh /proc", "");
  return tree;
}

// Watches are counted for each user of the host, who may be the agent's too: half of them stay for what runs outside.
Status leave_watches(int root) {
  for (std::string name : {"instances", "watches"}) {
    // A kernel without inotify has none to give away.
    Result<Fd> total = base::open_file("proc/sys/fs/inotify/max_user_" + name, O_RDONLY, 0, root);
    if (!total) continue;
    std::array<char, 32> text{};
    ssize_t size = ::read(total->get(), text.data(), text.size());
    uint64_t most = 0;
    if (size <= 0 || std::from_chars(text.data(), text.data() + size, most).ec != std::errc()) continue;
    Fd limit = HV_TRY(base::open_file("proc/sys/user/max_inotify_" + name, O_WRONLY, 0, root));
    HV_TRY_CONTEXT(base::write_all(limit.get(), std::to_string(std::max<uint64_t>(most / 2, 1)) + "\n"),
                   "limit inotify " + name + " inside");
  }
  return {};
}

Status add_proc(int root, const RootOptions& options) {
  if (::mkdirat(root, "proc", 0555) != 0 && errno != EEXIST) return fail("make a mount point", "/proc");
  Fd tree = options.fresh_proc ? HV_TRY(new_proc())
                               : Fd(open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!tree) return fail("bind", "/proc");
  HV_TRY(attach(tree.get(), root, "/proc", true));
  if (options.forbid_user_namespaces) {
    // The limit of this user namespace, not of the machine: see user_namespaces(7).
    Fd limit = HV_TRY(base::open_file("proc/sys/user/max_user_namespaces", O_WRONLY, 0, root));
    HV_TRY_CONTEXT(base::write_all(limit.get(), "0\n"), "forbid user namespaces inside");
  }
  HV_TRY(leave_watches(root));
  return {};
}

Status add_devices(int root, uint64_t shared_memory, const std::array<Fd, 6>& nodes,
                   const std::array<const char*, 6>& names) {
  for (const char* directory : {"dev", "dev/pts", "dev/shm"})
    if (::mkdirat(root, directory, 0755) != 0 && errno != EEXIST) return fail("make directory", directory);
  for (size_t i = 0; i < nodes.size(); ++i) {
    std::string target = std::string("/dev/") + names[i];
    if (set_mount_attributes(nodes[i].get(), "", AT_EMPTY_PATH, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC) != 0)
      return fail("set mount attributes of", target);
    HV_TRY(attach(nodes[i].get(), root, target, false));
  }
  Fd context(::fsopen("devpts", FSOPEN_CLOEXEC));
  if (!context || fsconfig(context.get(), FSCONFIG_SET_STRING, "ptmxmode", "0666", 0) != 0 ||
      fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "0620", 0) != 0 ||
      fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return fail("make the sandbox's terminals", "/dev/pts");
  Fd terminals(fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  if (!terminals) return fail("mount", "/dev/pts");
  HV_TRY(attach(terminals.get(), root, "/dev/pts", true));
  Fd shared = HV_TRY(new_tmpfs("1777", shared_memory, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  HV_TRY(attach(shared.get(), root, "/dev/shm", true));
  for (auto [text, name] : {std::pair("pts/ptmx", "dev/ptmx"),
                            {"/proc/self/fd", "dev/fd"},
                            {"/proc/self/fd/0", "dev/stdin"},
                            {"/proc/self/fd/1", "dev/stdout"},
                            {"/proc/self/fd/2", "dev/stderr"}})
    if (::symlinkat(text, root, name) != 0 && errno != EEXIST) return fail("make the link", name);
  return {};
}

}  // namespace

Result<RootTree> RootTree::stage(const RootOptions& options) {
  // Nothing mounted from here on may travel back to the host.
  if (set_mount_attributes(AT_FDCWD, "/", AT_RECURSIVE, 0, MS_PRIVATE) != 0) return fail("make mounts private", "/");
  constexpr std::array<const char*, 6> kDevices{"null", "zero", "full", "random", "urandom", "tty"};
  std::array<Fd, 6> devices;
  for (size_t i = 0; i < kDevices.size(); ++i) {
    std::string path = std::string("/dev/") + kDevices[i];
    devices[i] = Fd(open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!devices[i]) return fail("bind", path);
  }
  // The agent, who is not the owner, must be able to pass through the directories made here, whatever the daemon's
  // mask.
  ::umask(022);
  RootTree tree;
  tree.root_ = HV_TRY(new_tmpfs("0755", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  int root = tree.root_.get();
  auto stage_at = [&](const char* place) {
    return move_mount(root, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) == 0;
  };
  if (std::ranges::none_of(kStaging, stage_at)) return fail("stage the new root at", kStaging.back());
  if (::mkdirat(root, ".empty", 0555) != 0) return fail("make directory", "/.empty");
  HV_TRY(add_devices(root, options.shared_memory, devices, kDevices));
  HV_TRY(add_proc(root, options));
  if (options.mask_proc) HV_TRY(mask_proc(root));
  ::unlinkat(root, ".empty", AT_REMOVEDIR);
  return tree;
}

Status RootTree::add(std::vector<OpenedMount> sources) {
  for (OpenedMount& source : sources) HV_TRY(add_mount(source, root_.get()));
  return {};
}

Status RootTree::enter(bool read_only) && {
  // pivot_root(".", "."): the old root lies on top of the new one and is let go in the next step, see pivot_root(2).
  if (::fchdir(root_.get()) != 0 || pivot_root(".", ".") != 0) return fail("enter the new root", "");
  if (::umount2(".", MNT_DETACH) != 0) return fail("let go of the host's tree", "");
  if (::chdir("/") != 0) return fail("change directory", "/");
  if (read_only && set_mount_attributes(AT_FDCWD, "/", 0, MOUNT_ATTR_RDONLY) != 0)
    return fail("make the root read-only", "/");
  return {};
}

}  // namespace hv::isolation
