// Where the tools that a user has installed keep what they use when nothing is configured. A tool is looked for in the
// caller's PATH as a shell does; none is started. What lies in the workspace does not count: an agent may have put it
// there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hv::config {

struct InstalledTools {
  std::string path;       // PATH
  std::string home;       // the user's
  std::string workspace;  // empty: none

  // The directory of the npm package that "npm" starts; empty when there is none.
  std::string npm_directory() const;
  // GOROOT of "go".
  std::string go_directory() const;
  // Where "python3" and the interpreter of "pip" look for packages, of those that exist, in their order.
  std::vector<std::string> python_packages() const;
  // Also by way of links.
  bool in_workspace(const std::string& file) const;

 private:
  // The first program of that name; for a shim of pyenv and its kin the program that it stands for.
  std::string find(std::string_view name) const;
};

}  // namespace hv::config
