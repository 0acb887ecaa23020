// Whether an overlay works on given file systems, tried in a child: what a file system is called says less than it
// does. overlayfs needs extended attributes and file types of the upper one.
#pragma once

#include <string>

#include <sys/types.h>

#include "base/result.h"

namespace hv::isolation {

// Lays an overlay over `lower` that keeps its changes in `upper`, with `work` beside it, and makes, replaces and
// removes things in it. Everything happens in namespaces of a child, but what is written: `upper` and `work` are the
// caller's to remove, and `lower` is not touched. The error is the kernel's. Takes about a millisecond; a process with
// threads may call it.
base::Status try_overlay(const std::string& lower, const std::string& upper, const std::string& work, uid_t uid,
                         gid_t gid);

}  // namespace hv::isolation
