// Which of the changes go to the host now, which are held back and which are refused: decided before anything is
// written.
#pragma once

#include <string>
#include <vector>

#include "core/change.h"
#include "workspace/change.h"

namespace hv::workspace {

struct Selection {
  std::vector<const Change*> going;  // by path
  std::vector<core::Refusal> held;
  std::vector<core::Refusal> conflicts;
};

// not_found when a path that is named, accepted or chosen by hunks matches no change. `changes` must outlive the
// selection. `also_held`: what may be accepted besides, because commits contain it.
base::Result<Selection> select_changes(const std::vector<Change>& changes, const core::ApplyRequest& request,
                                       const std::vector<std::string>& also_held = {});

}  // namespace hv::workspace
