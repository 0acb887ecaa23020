// Random bytes from the kernel: getrandom(2).
#pragma once

#include <string>

#include "base/result.h"

namespace hv::base {

Result<std::string> random_bytes(size_t count);

}  // namespace hv::base
