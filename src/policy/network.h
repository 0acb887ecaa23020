// The [network] section of a policy: who may be reached. docs/policy.md is the format's page.
#pragma once

#include <string_view>

#include "base/toml.h"
#include "policy/policy.h"

namespace hv::policy {

// Reads every key that this version keeps; the caller finishes the table. `name` and `file` are the policy's in
// origins.
void read_network(base::toml::Table& table, std::string_view name, std::string_view file, Policy& policy);

}  // namespace hv::policy
