// The JSON Schema of config.toml, for editors: made from the table of settings, published as docs/config.schema.json.
#pragma once

#include "base/json.h"

namespace hv::config {

base::json::Value schema();

}  // namespace hv::config
