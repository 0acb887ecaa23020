// The sandbox's mount tree, built by descriptors (open_tree, mount_setattr, move_mount, fsopen) in a fresh mount
// namespace, then pivoted into. Nothing here trusts a path twice: every source is opened while the host's tree is in
// view, and every target is resolved inside the new root.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "isolation/mount_sources.h"

namespace hv::isolation {

struct RootOptions {
  bool mask_proc = true;  // false where nested sandboxes must be able to mount a /proc of their own
  bool forbid_user_namespaces = true;
  uint64_t shared_memory = 0;  // bytes of /dev/shm; 0: the kernel's default
  bool fresh_proc = true;      // false without a PID namespace of its own: the /proc that is in view
};

// A root under construction. The host's tree stays in view until enter(): sources can be opened between the steps, at
// any path but the system's own.
class RootTree {
 public:
  // An empty root with /dev and a masked /proc. The caller is in a new mount, PID and user namespace with all
  // capabilities there.
  static base::Result<RootTree> stage(const RootOptions& options);

  // In order: a later one may lie in an earlier one.
  base::Status add(std::vector<OpenedMount> sources);

  // Makes it the root directory of the calling process and lets go of the host's tree. Afterwards the working directory
  // is "/".
  base::Status enter(bool read_only) &&;

 private:
  RootTree() = default;
  base::Fd root_;
};

}  // namespace hv::isolation
