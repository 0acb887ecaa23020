// `extends`: a policy made from others. The later one's values go before the earlier one's, its own before all; lists
// grow. Pure but for the loader.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "policy/policy.h"

namespace hv::policy {

struct Source {
  std::string name;
  std::string file;
  std::string text;
};
// not_found for a name that nobody knows, with the nearest one as the hint.
using SourceLoader = std::function<base::Result<Source>(std::string_view name)>;

// The policy with everything it extends. invalid_argument with the faults of all files in one pass; a policy that
// extends itself through others is a fault, and so is a chain of more than eight.
base::Result<Policy> resolve(const Source& source, const SourceLoader& load);

// `over` upon `base`: each value that `over` says replaces the base's, each item of a list joins it.
void lay_over(Policy& base, const Policy& over);

}  // namespace hv::policy
