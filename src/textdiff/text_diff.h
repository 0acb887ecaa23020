// Line differences of two buffers by libgit2, which sees nothing but the buffers: no repository is ever opened by it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/change.h"

namespace hv::textdiff {

struct TextDiff {
  bool binary = false;
  uint64_t added_lines = 0;
  uint64_t removed_lines = 0;
  std::vector<core::Hunk> hunks;
};

// Three lines of context. Binary when either side has a NUL byte near its beginning.
base::Result<TextDiff> diff_text(std::string_view before, std::string_view after);

}  // namespace hv::textdiff
