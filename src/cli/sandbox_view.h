// Sandboxes as people read them. Pure functions; every string that an agent can choose is made printable.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "core/sandbox_info.h"

namespace hv::cli {

// "just now", "5m ago", "3d ago".
std::string age_text(base::WallTime then, base::WallTime now);
// Newest first.
std::string list_text(std::vector<core::SandboxInfo> sandboxes, base::WallTime now, size_t width);
std::string inspect_text(const core::SandboxInfo& sandbox, base::WallTime now, size_t width);
// What it may reach: its rules, who says so, and what holds for everything else.
// "alert, then freeze (dry run)"
std::string response_text(const core::BehaviorRuleInfo& rule);
std::string network_text(const core::SandboxInfo& sandbox, size_t width);
std::string stats_text(const std::vector<std::pair<std::string, core::SandboxStats>>& sandboxes, size_t width);

}  // namespace hv::cli
