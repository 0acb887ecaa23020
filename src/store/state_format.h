// Which version of Hydravisor the state directory was left by, in its file `format.json`. A newer one's is not touched;
// an older one's is brought up to date, after what changes was copied.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/paths.h"

namespace hv::store {

// Bumped when an earlier version could misunderstand what lies there. 0 is what had no such file yet.
inline constexpr int64_t kStateFormat = 1;

// Writes nothing. unsupported, with what to do, when a newer version was here, or when the file cannot be understood.
// Nothing where there is no state yet.
base::Result<std::optional<int64_t>> read_state_format(const core::Paths& paths);

struct Migration {
  int64_t from = 0;
  std::string backup;                 // the directory with what was there before; empty: nothing was changed
  std::vector<std::string> problems;  // files that could not be read, and are as they were
};

// Brings the state to kStateFormat; nothing when it is, or when there is none. For the one daemon that holds the lock,
// before it reads anything. A crash at any point, or a full disk, leaves something that the next call completes.
base::Result<std::optional<Migration>> migrate_state(const core::Paths& paths);

}  // namespace hv::store
