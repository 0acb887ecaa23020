// The product's version and the versions of what its programs say to each other.
#pragma once

#include <string_view>

namespace hv::base {

inline constexpr std::string_view kVersion = "0.1.0";
// Bumped when daemon and supervisor, or supervisor and init, could misunderstand each other.
inline constexpr unsigned kShimProtocol = 1;

}  // namespace hv::base
