// A git configuration file as a list of names and values, read without git and without obeying it. git-config(1),
// section "Syntax". What is malformed ends the reading: git would refuse the file as a whole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hv::workspace {

struct GitSetting {
  std::string name;  // "core.hookspath", "filter.lfs.clean": section and key in lower case, the middle as it stands
  std::string value;
};

std::vector<GitSetting> parse_git_config(std::string_view text);

// Whether git runs the value of this setting as a command, unasked or while it does something else. Aliases are not
// among them: they run when they are typed.
bool runs_a_command(std::string_view name);
// The words of a command that could name a file: without quotes, operators, options.
std::vector<std::string> words_of_command(std::string_view command);

}  // namespace hv::workspace
