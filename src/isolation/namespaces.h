// Making the namespaces a sandbox lives in. clone3(2), user_namespaces(7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "core/launch.h"

namespace hv::isolation {

struct ClonedChild {
  pid_t pid = 0;  // 0 in the child
  base::Fd pidfd;
};

// clone3 with a new user, mount, PID, network, IPC and UTS namespace, less those in `skipped_layers`. The cgroup
// namespace is left to the child: it enters its cgroup first. Returns twice.
base::Result<ClonedChild> clone_into_namespaces(uint32_t skipped_layers);

// Puts the calling single-threaded process into a user namespace of its own that maps only its own ids (a rootless
// supervisor's), so that it can have a mount namespace too. unavailable, with the exact fix, when this machine forbids
// user namespaces.
base::Status enter_own_user_namespace(uid_t uid, gid_t gid);

// Writes /proc/PID/{uid_map,gid_map}. `deny_setgroups` is required of a writer without CAP_SETGID above.
base::Status write_id_maps(pid_t pid, const std::vector<core::IdRange>& uids, const std::vector<core::IdRange>& gids,
                           bool deny_setgroups);

// A user namespace that maps like this, kept alive by the descriptor alone: for id-mapped mounts.
base::Result<base::Fd> make_user_namespace(const std::vector<core::IdRange>& uids,
                                           const std::vector<core::IdRange>& gids);

// The map under which files of `owner` appear to belong to id `agent` of a sandbox whose ids start at `base` outside:
// 0..65535 shifted by `base`, with owner and agent swapped.
std::vector<core::IdRange> owner_map(uint32_t base, uint32_t owner, uint32_t agent);

// Moves the caller into an empty, read-only root: nothing of the host is left in view but read-only copies of `kept`
// (source on the host, name of a directory in the new root). The process keeps its open descriptors. Needs
// CAP_SYS_ADMIN in its user namespace.
base::Status enter_empty_root(const std::vector<std::pair<std::string, std::string>>& kept);

}  // namespace hv::isolation
