// Help texts made from the commands' tables, fitted to a width. Pure functions.
#pragma once

#include <string>

#include "cli/command.h"

namespace hv::cli {

// "hydravisor run [OPTIONS] [--] COMMAND [ARG...]"
std::string usage_of(const Command& command);
std::string help_of(const Command& command, size_t width);
// What `hydravisor` without a command and `hydravisor help` print.
std::string overview(size_t width);
// The commands that begin with `group` ("audit").
std::string help_of_group(std::string_view group, size_t width);

}  // namespace hv::cli
