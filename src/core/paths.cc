#include "core/paths.h"

#include <string_view>

namespace hv::core {

namespace {

constexpr size_t kLongestSocketPath = 107;

std::string absolute(const std::string& value) {
  if (!value.starts_with('/')) return {};
  std::string path = value;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

base::Result<Paths> find_paths(const PathInputs& inputs) {
  Paths paths;
  std::string state_home = absolute(inputs.xdg_state_home);
  if (inputs.uid == 0 && state_home.empty()) {
    paths.config = "/etc/hydravisor";
    paths.state = "/var/lib/hydravisor";
    paths.runtime = "/run/hydravisor";
  } else {
    std::string home = absolute(inputs.home);
    std::string config_home = absolute(inputs.xdg_config_home);
    if (home.empty() && (config_home.empty() || state_home.empty()))
      return base::Failure(base::invalid_argument("find Hydravisor's directories: HOME is not set to an absolute path")
                               .with_hint("set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME"));
    paths.config = (config_home.empty() ? home + "/.config" : config_home) + "/hydravisor";
    paths.state = (state_home.empty() ? home + "/.local/state" : state_home) + "/hydravisor";
    std::string runtime = absolute(inputs.xdg_runtime_dir);
    paths.runtime = runtime.empty() ? paths.state + "/run" : runtime + "/hydravisor";
  }
  paths.socket = paths.runtime + "/hydravisord.sock";
  if (paths.socket.size() > kLongestSocketPath)
    return base::Failure(
        base::invalid_argument("the daemon's socket would be " + paths.socket + ": longer than a socket's path may be")
            .with_hint("set XDG_RUNTIME_DIR to a shorter directory"));
  paths.config_file = paths.config + "/config.toml";
  paths.system_config_file = "/etc/hydravisor/config.toml";
  paths.access_file = paths.config + "/access.toml";
  paths.tokens = paths.state + "/tokens.json";
  paths.policies = paths.config + "/policies";
  paths.agents = paths.config + "/agents";
  paths.sandboxes = paths.state + "/sandboxes";
  paths.homes = paths.state + "/homes";
  paths.ledger = paths.state + "/ledger";
  paths.cache = paths.state + "/cache";
  return paths;
}

}  // namespace hv::core
