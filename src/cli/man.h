// Manual pages made from the commands' tables: man(7). Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"

namespace hv::cli {

// "hydravisor-audit-ls"; the page lies in man1/ with the suffix .1.
std::string man_name(const Command& command);
// `date` as YYYY-MM-DD.
std::string man_page(const Command& command, std::string_view date);
// hydravisor(1): every command with its page.
std::string man_overview(std::string_view date);

}  // namespace hv::cli
