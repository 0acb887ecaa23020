#include "isolation/namespaces.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolation/namespace_trial.h"
#include "isolation/syscalls.h"

namespace hv::isolation {

namespace {

using base::Error;
using base::ErrorCode;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;
using core::IdRange;
using core::Layer;

bool skipped(uint32_t layers, Layer layer) {
  return (layers & static_cast<uint32_t>(layer)) != 0;
}

std::string map_text(const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& range : ranges)
    text +=
        std::to_string(range.inside) + " " + std::to_string(range.outside) + " " + std::to_string(range.count) + "\n";
  return text;
}

Status write_proc(const std::string& path, std::string_view text) {
  Fd file = HV_TRY(base::open_file(path, O_WRONLY));
  HV_TRY_CONTEXT(base::write_all(file.get(), text), path);
  return {};
}

Error user_namespaces_forbidden(int error_number, std::string_view operation) {
  NamespaceTrial refused;
  refused.user_namespace = error_number;
  Obstacle obstacle = explain_namespaces(refused, "/proc");
  return Error(ErrorCode::unsupported, std::string(operation) + ": " + obstacle.what).with_hint(obstacle.fix);
}

}  // namespace

Result<ClonedChild> clone_into_namespaces(uint32_t skipped_layers) {
  uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_PIDFD;
  if (!skipped(skipped_layers, Layer::pid_namespace)) flags |= CLONE_NEWPID;
  if (!skipped(skipped_layers, Layer::network_namespace)) flags |= CLONE_NEWNET;
  if (!skipped(skipped_layers, Layer::ipc_namespace)) flags |= CLONE_NEWIPC;
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  int pid = clone3(arguments);
  if (pid < 0) return Failure(user_namespaces_forbidden(errno, "make the sandbox's namespaces"));
  if (pid == 0) return ClonedChild{};
  return ClonedChild{pid, Fd(pidfd)};
}

Status write_id_maps(pid_t pid, const std::vector<IdRange>& uids, const std::vector<IdRange>& gids,
                     bool deny_setgroups) {
  std::string directory = "/proc/" + std::to_string(pid) + "/";
  if (deny_setgroups) HV_TRY(write_proc(directory + "setgroups", "deny"));
  HV_TRY(write_proc(directory + "uid_map", map_text(uids)));
  HV_TRY(write_proc(directory + "gid_map", map_text(gids)));
  return {};
}

Status enter_own_user_namespace(uid_t uid, gid_t gid) {
  if (::unshare(CLONE_NEWUSER) != 0) return Failure(user_namespaces_forbidden(errno, "make a user namespace"));
  Status mapped = write_id_maps(::getpid(), {{uid, uid, 1}}, {{gid, gid, 1}}, true);
  // AppArmor's restriction lets unshare succeed and then denies the capability that writing the map needs.
  if (!mapped) return Failure(user_namespaces_forbidden(mapped.error().os_error(), "map ids into a user namespace"));
  return {};
}

Result<Fd> make_user_namespace(const std::vector<IdRange>& uids, const std::vector<IdRange>& gids) {
  clone_args arguments{};
  int pidfd = -1;
  arguments.flags = CLONE_NEWUSER | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  pid_t maker = ::getpid();
  int pid = clone3(arguments);
  if (pid < 0) return Failure(user_namespaces_forbidden(errno, "make a user namespace for a mount"));
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Whoever made it may have been killed before that: it would wait for ever, and hold open what ends the sandbox.
    if (::getppid() != maker) ::_exit(0);
    for (;;) ::pause();
  }
  Fd owned(pidfd);
  Status mapped = write_id_maps(pid, uids, gids, false);
  Result<Fd> result = base::open_file("/proc/" + std::to_string(pid) + "/ns/user", O_RDONLY);
  ::syscall(SYS_pidfd_send_signal, owned.get(), SIGKILL, nullptr, 0);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (!mapped) return Failure(std::move(mapped).error());
  return result;
}

std::vector<IdRange> owner_map(uint32_t base, uint32_t owner, uint32_t agent) {
  constexpr uint32_t kIds = 65536;
  if (owner >= kIds) return {{owner, base + agent, 1}};
  if (owner == agent) return {{0, base, kIds}};
  uint32_t low = std::min(owner, agent);
  uint32_t high = std::max(owner, agent);
  std::vector<IdRange> ranges;
  auto add = [&](uint32_t inside, uint32_t outside, uint32_t count) {
    if (count != 0) ranges.push_back({inside, base + outside, count});
  };
  add(0, 0, low);
  add(low, high, 1);
  add(low + 1, low + 1, high - low - 1);
  add(high, low, 1);
  add(high + 1, high + 1, kIds - high - 1);
  return ranges;
}

Status enter_empty_root(const std::vector<std::pair<std::string, std::string>>& kept) {
  if (::unshare(CLONE_NEWNS) != 0) return Failure(Error::from_errno(errno, "make a mount namespace"));
  if (set_mount_attributes(AT_FDCWD, "/", AT_RECURSIVE, 0, MS_PRIVATE) != 0)
    return Failure(Error::from_errno(errno, "make mounts private"));
  constexpr uint64_t kLocked = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  std::vector<Fd> trees;
  for (const auto& [source, name] : kept) {
    Fd tree(::open_tree(AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    if (!tree || set_mount_attributes(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, kLocked) != 0)
      return Failure(Error::from_errno(errno, "keep in view", source));
    trees.push_back(std::move(tree));
  }
  Fd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context || ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return Failure(Error::from_errno(errno, "make an empty root"));
  Fd root(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (!root || ::move_mount(root.get(), "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return Failure(Error::from_errno(errno, "make an empty root"));
  for (size_t i = 0; i < kept.size(); ++i) {
    const char* name = kept[i].second.c_str();
    if (::mkdirat(root.get(), name, 0700) != 0 ||
        ::move_mount(trees[i].get(), "", root.get(), name, MOVE_MOUNT_F_EMPTY_PATH) != 0)
      return Failure(Error::from_errno(errno, "keep in view", kept[i].first));
  }
  if (::fchdir(root.get()) != 0 || pivot_root(".", ".") != 0 || ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0 ||
      set_mount_attributes(AT_FDCWD, "/", 0, MOUNT_ATTR_RDONLY) != 0)
    return Failure(Error::from_errno(errno, "enter an empty root"));
  return {};
}

}  // namespace hv::isolation
