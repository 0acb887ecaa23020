// Where Hydravisor's files lie, from the values of the environment. Pure: the programs read the environment and pass
// the values in, so the command line and the daemon agree on the socket. docs/policy.md has the table.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace hv::core {

struct PathInputs {
  uint32_t uid = 0;
  std::string home;  // $HOME
  std::string xdg_config_home;
  std::string xdg_state_home;
  std::string xdg_runtime_dir;
};

struct Paths {
  std::string config;   // directory: config.toml, policies/, agents/
  std::string state;    // directory: ledger/, sandboxes/, homes/
  std::string runtime;  // directory of the socket
  std::string socket;   // the daemon's
  std::string config_file;
  std::string system_config_file;  // the administrator's, below every user's own; for root the same file
  std::string access_file;         // access.toml: who may do what
  std::string tokens;              // hashes of the tokens that were given out
  std::string policies;
  std::string agents;
  std::string sandboxes;
  std::string homes;
  std::string ledger;
  std::string cache;  // derived files, can be deleted while nothing runs
};

// The XDG Base Directory Specification for a user; /etc, /var/lib and /run for root. Root too gets the XDG layout when
// XDG_STATE_HOME is set: nobody sets that one without meaning it, while logins set XDG_RUNTIME_DIR by themselves.
// Relative values are ignored, as the specification says. invalid_argument when a directory is needed for which neither
// HOME nor the variable is set, or when the socket's path is too long for the kernel (unix(7): 107 bytes).
base::Result<Paths> find_paths(const PathInputs& inputs);

}  // namespace hv::core
