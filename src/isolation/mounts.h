// The sandbox's mount tree, built by descriptors (open_tree, mount_setattr, move_mount, fsopen) in a fresh mount
// namespace, then pivoted into. Nothing here trusts a path twice: every source is opened before anything covers it, and
// every target is resolved inside the new root.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "core/launch.h"

namespace hv::isolation {

// A source opened outside, while the host's tree is still in view.
struct OpenedMount {
  const core::Mount* mount = nullptr;
  base::Fd tree;        // bind: a detached clone. overlay: the lower directory
  base::Fd upper;       // overlay: the directory that holds upper/ and work/
  base::Fd upper_tree;  // overlay, id-mapped: a detached clone of the same
  bool is_directory = false;
};

// Opens every source of `mounts`. As real root, `id_map_for` answers the user namespace (a descriptor, kept by the
// callee) through which files of an owner are shown to the agent; null for rootless starts. The mounts must outlive the
// result. Called in the new mount namespace when rootless, or before the clone as root.
using IdMapFor = std::function<base::Result<int>(uint32_t owner)>;
base::Result<std::vector<OpenedMount>> open_sources(const std::vector<core::Mount>& mounts, const IdMapFor& id_map_for);

struct RootOptions {
  bool mask_proc = true;  // false where nested sandboxes must be able to mount a /proc of their own
  bool read_only_root = true;
  bool forbid_user_namespaces = true;
  bool fresh_proc = true;  // false without a PID namespace of its own: the /proc that is in view
};

// Builds the tree from opened sources with /proc, /dev and their masks, makes it the root directory of the calling
// process and lets go of the host's tree. The caller is in a new mount, PID and user namespace with all capabilities
// there. Afterwards the working directory is "/".
base::Status build_root(std::vector<OpenedMount> sources, const RootOptions& options);

}  // namespace hv::isolation
