// What the user's own git obeys in every repository: ~/.gitconfig and its like, with what they include. Read before the
// worker shuts itself in; nothing of the workspace is read here, which a sandbox may have written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hv::workspace {

struct UserGit {
  std::string home;                   // what ~ stands for; empty: nothing
  std::vector<std::string> configs;   // those that are there, in the order git reads them; included ones are not
  std::vector<std::string> readable;  // these and all that they include, outside of the workspace
};

// `config_home` is $XDG_CONFIG_HOME, empty for the default. `system` is the machine's own file.
UserGit find_user_git(const std::string& home, const std::string& config_home, const std::string& workspace,
                      const std::string& system = "/etc/gitconfig");

// A path of a git configuration with what ~ stands for; empty where that is another user's home, or not known.
std::string expand_home(std::string_view path, const std::string& home);

bool is_include(std::string_view name);

}  // namespace hv::workspace
