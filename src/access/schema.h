// access.toml as a JSON Schema, for editors: docs/access.schema.json.
#pragma once

#include "base/json.h"

namespace hv::access {

base::json::Value schema();

}  // namespace hv::access
