// From what and how this program was built. CMake writes the definition (cmake/BuildInfo.cmake).
#pragma once

#include <string_view>

namespace hv::cli {

struct BuildInfo {
  std::string_view commit;  // "-dirty" behind it: with changes; "unknown" without a repository
  std::string_view compiler;
  std::string_view build_type;
};

const BuildInfo& build_info();

}  // namespace hv::cli
