// What a sandbox's mounts are made from: opened outside, while the host's tree is in view, and passed on as
// descriptors.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "core/launch.h"

namespace hv::isolation {

// The mount must outlive it.
struct OpenedMount {
  const core::Mount* mount = nullptr;
  base::Fd tree;        // bind: a detached clone. overlay: the lower directory
  base::Fd upper;       // overlay: the directory that holds upper/ and work/
  base::Fd upper_tree;  // overlay, id-mapped: a detached clone of the same
  bool is_directory = false;
};

// Opens every source of `mounts`. As real root, `id_map_for` answers the user namespace (a descriptor, kept by the
// callee) through which files of an owner are shown to the agent; null for rootless starts, which call this in the new
// mount namespace.
using IdMapFor = std::function<base::Result<int>(uint32_t owner)>;
base::Result<std::vector<OpenedMount>> open_sources(const std::vector<core::Mount>& mounts, const IdMapFor& id_map_for);

// For sending opened sources to another process: `shape` says which of `fds` belongs where.
struct SourceParcel {
  std::string shape;
  std::vector<int> fds;  // the sources' own: they must outlive the parcel
};
SourceParcel pack(const std::vector<OpenedMount>& sources);
// invalid_argument when shape and descriptors do not fit the mounts.
base::Result<std::vector<OpenedMount>> unpack(const std::vector<core::Mount>& mounts, std::string_view shape,
                                              std::vector<base::Fd> fds);

}  // namespace hv::isolation
