// Where Hydravisor's own programs lie: beside this one.
#pragma once

#include <string>

#include "base/result.h"

namespace hv::supervisor {

base::Result<std::string> own_directory();

}  // namespace hv::supervisor
