// Where a sandbox's workspace lies: the host's directory, the overlay's upper directory, and our own records of it.
#pragma once

#include <set>
#include <string>

#include "workspace/baseline.h"
#include "workspace/tree.h"
#include "workspace/user_git.h"

namespace hv::workspace {

struct Places {
  std::string host;              // the directory that the sandbox sees at the same path
  std::string records;           // <state>/workspace: upper/, work/, baseline, journal/, preimages/
  std::string git_host;          // the repository outside the workspace that it belongs to (git_layout.h); empty: none
  std::string home = {};         // the user's, for ~ in what his git is configured to do; empty: not known
  std::string config_home = {};  // $XDG_CONFIG_HOME; empty: the default
};

struct Opened {
  Tree host;
  Tree upper;
  std::string records;
  std::string host_path = {};  // of `host`, for whoever must compare it with other paths of the host
  UserGit user_git = {};

  static base::Result<Opened> at(const std::string& host, const std::string& records);
  std::string baseline_file() const { return records + "/baseline"; }
  base::Result<Baseline> baseline() const { return Baseline::load(baseline_file(), upper); }
  // Records that the sandbox knows what the host has at these paths now, and what their directories contain; `same`:
  // those of which both have the same content.
  base::Status agree(const std::set<std::string>& paths, const std::set<std::string>& same = {}) const;
};

}  // namespace hv::workspace
