#include "workspace/user_git.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/fd.h"
#include "workspace/bytes.h"
#include "workspace/git_config.h"

namespace hv::workspace {

namespace {

constexpr size_t largest_config = size_t{1} << 20;
constexpr size_t most_files = 64;

std::string real_path(const std::string& path) {
  std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), ::free);
  return real ? std::string(real.get()) : path;
}

}  // namespace

std::string expand_home(std::string_view path, const std::string& home) {
  if (!path.starts_with('~')) return std::string(path);
  if (home.empty() || (path.size() > 1 && path[1] != '/')) return {};
  return home + std::string(path.substr(1));
}

bool is_include(std::string_view name) {
  return name == "include.path" || (name.starts_with("includeif.") && name.ends_with(".path"));
}

UserGit find_user_git(const std::string& home, const std::string& config_home, const std::string& workspace,
                      const std::string& system) {
  UserGit found;
  found.home = home;
  found.configs.push_back(system);
  if (!config_home.empty() || !home.empty())
    found.configs.push_back((config_home.empty() ? home + "/.config" : config_home) + "/git/config");
  if (!home.empty()) found.configs.push_back(home + "/.gitconfig");
  std::erase_if(found.configs, [](const std::string& file) { return !base::path_exists(file); });

  std::string inside = real_path(workspace);
  std::vector<std::string> queue = found.configs;
  for (size_t at = 0; at < queue.size() && at < most_files; ++at) {
    std::string file = real_path(queue[at]);
    if (covers(inside, file)) continue;
    found.readable.push_back(file);
    auto text = base::read_file(file, largest_config);
    if (!text) continue;
    std::string directory = queue[at].substr(0, queue[at].rfind('/'));
    for (const GitSetting& setting : parse_git_config(*text)) {
      if (!is_include(setting.name) || setting.value.empty()) continue;
      std::string path = expand_home(setting.value, home);
      if (path.empty()) continue;
      if (!path.starts_with('/')) path = directory + "/" + path;
      if (std::ranges::find(queue, path) == queue.end()) queue.push_back(std::move(path));
    }
  }
  return found;
}

}  // namespace hv::workspace
