// rm -r for trees that an agent made: however deep and wide they are, the stack and the number of open descriptors stay
// the same.
#pragma once

#include <string>

#include "base/result.h"

namespace hv::base {

// Never follows a symlink and never leaves the file system tree below `path`. Absent is success. What cannot be removed
// is left, everything else goes, and one of the reasons is returned. Takes as long as there are files: not for a thread
// that others wait for.
Status remove_tree(const std::string& path);
// The same for `name` (one component) in the directory `at`.
Status remove_tree_at(int at, const std::string& name);

}  // namespace hv::base
