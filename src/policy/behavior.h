// `[[behavior.rules]]` read, and written again.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/toml.h"
#include "policy/policy.h"

namespace hv::policy {

inline constexpr size_t kMostBehaviorRules = 64;
inline constexpr size_t kLongestSequence = 8;

// Faults go to the table's document. `name` is the policy's, `file` as messages call it.
void read_behavior(base::toml::Table table, std::string_view name, std::string_view file, Policy& policy);

// One rule as an inline table, and that read again: how a sandbox keeps the rules that it was started with.
std::string behavior_to_toml(const core::BehaviorRule& rule);
base::Result<core::BehaviorRule> behavior_from_toml(std::string_view text);

}  // namespace hv::policy
