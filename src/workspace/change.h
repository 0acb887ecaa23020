// One difference between the host's tree and what the sandbox made of it, with what apply needs to know;
// core::FileChange is what people see.
#pragma once

#include <optional>
#include <string>

#include "core/change.h"
#include "workspace/tree.h"

namespace hv::workspace {

struct Change {
  std::string path;  // bytes, relative to the workspace
  core::ChangeKind kind = core::ChangeKind::modified;
  std::optional<Entry> before;  // the host's
  std::optional<Entry> after;   // the sandbox's
  std::string target_before;    // symlinks' texts
  std::string target_after;
  core::Hazard hazard = core::Hazard::none;
  std::string hazard_reason;
  std::string conflict;  // why the host's version may not be overwritten; empty: it may
  std::string problem;   // why this can never be applied (a fifo, an unreadable file); empty: it can
  std::string old_path;  // an added file with the content of a deleted one
  std::optional<Entry> old_entry;
};

// Without hunks and counts. A problem is shown where a conflict is: both say why apply would refuse.
core::FileChange to_file_change(const Change& change);

// The permission bits that are compared and applied: set-id bits never travel.
constexpr uint32_t applied_bits(uint32_t mode) {
  return mode & 01777;
}

}  // namespace hv::workspace
