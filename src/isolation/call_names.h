// System calls by name, as the headers of this architecture have them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::isolation {

// invalid_argument with the nearest name for one that there is not, or without which neither init nor any program could
// work.
base::Result<int> call_to_deny(std::string_view name);

std::optional<int> call_number(std::string_view name);
// Empty for a number without a name.
std::string_view call_name(int number);

}  // namespace hv::isolation
