// From changes to what people read: hunks, counts, binary files, sizes too large to compare line by line.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/change.h"
#include "workspace/change.h"

namespace hv::workspace {

struct LineDiff {
  bool binary = false;
  uint64_t added_lines = 0;
  uint64_t removed_lines = 0;
  std::vector<core::Hunk> hunks;
};
// How lines are compared: textdiff::diff_text in the worker.
using LineDiffer = std::function<base::Result<LineDiff>(std::string_view before, std::string_view after)>;

// A file above this is not compared line by line.
constexpr uint64_t largest_compared = uint64_t{4} << 20;
// One report holds at most this much text of hunks; files after that are `truncated`.
constexpr uint64_t largest_report = uint64_t{48} << 20;

// The two sides' bytes of one change: regular files are read, a symlink is its text, anything else is empty. nullopt:
// larger than largest_compared.
struct Sides {
  std::string before;
  std::string after;
};
base::Result<std::optional<Sides>> read_sides(const Tree& lower, const Tree& upper, const Change& change);

std::vector<core::FileChange> describe_changes(const Tree& lower, const Tree& upper, const std::vector<Change>& changes,
                                               const LineDiffer& differ, bool statistics_only);

// `before` with only the chosen hunks of its difference to the sandbox's version applied. conflict when a hunk does not
// fit `before`; invalid_argument for a number that does not exist.
base::Result<std::string> apply_hunks(std::string_view before, const std::vector<core::Hunk>& hunks,
                                      const std::vector<uint32_t>& chosen);

}  // namespace hv::workspace
