// The few lines that matter in configuration files of other tools, and in those of their own files that hold a default:
// each reader takes the file's text and gives what it says about servers, with line numbers. They are lenient like the
// tools, because the files are not ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::config {

struct Setting {
  std::string section;  // "" outside of any; for git "remote.origin", for pip "global"
  std::string key;      // lower case
  std::string value;
  uint32_t line = 0;
};

// KEY=VALUE lines with [sections] and comments of '#' and ';': npmrc, pip.conf, Go's env. A line that continues the one
// above (indented, as pip has them) is a setting with the same key.
std::vector<Setting> read_ini(std::string_view text);
// Git's: [section "sub"], quotes, escapes, comments at line ends. Includes are not followed.
std::vector<Setting> read_git_config(std::string_view text);
// Addresses in one-line ("deb [options] ADDRESS suite ...") and deb822 form ("URIs: ADDRESS ..."), unless disabled.
std::vector<Setting> read_apt_lines(std::string_view text);
std::vector<Setting> read_apt_stanzas(std::string_view text);
// The default of "registry" in npm's table of options, in the forms that it has had since npm 5.
std::vector<Setting> read_npm_defaults(std::string_view text);
// "index-url" and, where it is given, "files" (a host) of the index that pip's own module calls PyPI.
std::vector<Setting> read_pip_index(std::string_view text);

// cargo's config.toml: sources, what replaces them, and registries. Sections are the tables' names.
base::Result<std::vector<Setting>> read_cargo_config(std::string_view text, std::string_view file);

}  // namespace hv::config
