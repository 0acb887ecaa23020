// Where Hydravisor's own programs lie: beside this one, or in ../libexec/hydravisor.
#pragma once

#include <string>

#include "base/result.h"

namespace hv::daemon {

// The directory that holds hydravisor-supervisor; not_found naming both places.
base::Result<std::string> own_directory();

}  // namespace hv::daemon
