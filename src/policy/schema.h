// The language as a JSON Schema, for editors: published as docs/policy.schema.json.
#pragma once

#include "base/json.h"

namespace hv::policy {

// What a schema can say of a policy: keys, types, ranges, spellings. What depends on two places at once (a path in two
// lists, a group with ports) only the parser knows.
base::json::Value schema();

}  // namespace hv::policy
