// The first-use copy of an agent's configuration from the user's home into a sandbox's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::images {

// Copies each of `paths` (relative; files or directories, absent ones are skipped). Links of the user are followed,
// because dotfiles are often links into a repository; what a file's name or place marks as a login is left out. Answers
// with notes on what was left out.
base::Result<std::vector<std::string>> copy_configuration(std::string_view from_home, const std::string& to_home,
                                                          const std::vector<std::string>& paths);

}  // namespace hv::images
