// The table of all commands, in the order in which help shows them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace hv::cli {

struct CommandGroup {
  std::string_view title;
  std::span<const Command* const> commands;
};

std::span<const CommandGroup> command_groups();
// By the full name; nullptr when there is none.
const Command* find_command(std::string_view name);
// All whose name begins with the word `group` and has a second one.
std::vector<const Command*> commands_below(std::string_view group);
// The name of a command, or first word of one, that is nearest to what was typed.
std::optional<std::string> nearest_command(std::string_view typed);

}  // namespace hv::cli
