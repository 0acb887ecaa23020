// The root directory inside: the host's own tools read-only, or any unpacked root file system.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/launch.h"
#include "images/host_view.h"

namespace hv::images {

struct RootRequest {
  HostView host;
  std::string cache;     // keeps the assembled /etc
  std::string hostname;  // inside
  std::string home;      // inside
  std::string shell;     // inside
  uint32_t uid = 0;      // inside
  uint32_t gid = 0;
  uint64_t tmp_bytes = 0;  // 0: half of the machine's memory
};

// /usr, /opt, /nix, /snap, /bin, /sbin and /lib* as the host has them (links stay links), an /etc without secrets, and
// empty /tmp, /run and /var. /proc and /dev are the launcher's own.
base::Result<std::vector<core::Mount>> host_root_mounts(const RootRequest& request);

// Every directory of `rootfs` copy-on-write, with what is written kept in `state`/rootfs: package managers work, and
// the directory itself never changes. `inside` are the absolute places that will be mounted later: their directories
// are made. Only a rename between two top-level directories fails (EXDEV), because each is an overlay of its own.
base::Result<std::vector<core::Mount>> rootfs_mounts(const RootRequest& request, const std::string& rootfs,
                                                     const std::string& state, const std::vector<std::string>& inside);

}  // namespace hv::images
