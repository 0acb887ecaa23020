// Text from a checked format string: base::format("{} of {}", done, all). The library is fmt, compiled here once.
#pragma once

#include <string>
#include <utility>

#include <fmt/core.h>

namespace hv::base {

template <typename... Args>
std::string format(fmt::format_string<Args...> text, Args&&... args) {
  return fmt::format(text, std::forward<Args>(args)...);
}

}  // namespace hv::base
