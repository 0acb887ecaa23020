// From the words of a command line to the command that does it, and from its result to the exit code.
#pragma once

#include <span>
#include <string_view>

namespace hv::cli {

// `words` are the arguments without the program's name; `environment` is the process's own.
int dispatch(std::span<const std::string_view> words, char* const* environment);

}  // namespace hv::cli
