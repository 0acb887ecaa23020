// The sandboxes' homes: one directory per agent and project, kept between runs, so that one login inside lasts. On
// disk, below `homes`:
//   KEY/home.json   {"version": 1, "agent": ..., "project": ..., "created": ...}; its modification time is the last use
//   KEY/home/       what is mounted at the user's home inside. The agent writes it: nothing here follows a link in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/host_info.h"
#include "images/agent_profile.h"

namespace hv::images {

struct Home {
  std::string key;   // "claude-3f9a..."; empty for a fresh one
  std::string path;  // to be mounted
  bool created = false;
  std::vector<std::string> notes;  // what was not copied, and why
};

class HomeStore {
 public:
  explicit HomeStore(std::string directory) : directory_(std::move(directory)) {}

  // The home of `agent` for `project`, a canonical workspace path (empty: none). Made, with the profile's configuration
  // copied from `host_home`, when it is not there. Two that ask at once get the same one.
  base::Result<Home> open(const AgentProfile& agent, std::string_view project, std::string_view host_home) const;
  // A home of its own, `directory` itself, filled when it is not there; it goes with the sandbox (--fresh-home).
  static base::Result<Home> fresh(const AgentProfile& agent, const std::string& directory, std::string_view host_home);

  // Sorted by key. `bytes` counts blocks on disk. HomeInfo::sandboxes is the caller's to fill.
  base::Result<std::vector<core::HomeInfo>> list() const;
  // not_found names the nearest key. Whether a sandbox uses it is the caller's to know.
  base::Status remove(std::string_view key) const;

  static std::string key_for(std::string_view agent, std::string_view project);

 private:
  std::string directory_;
};

// A place that must exist in the home before something is mounted on it.
struct MountPoint {
  enum class Kind { directory, file, link };
  std::string path;  // relative to the home
  Kind kind = Kind::directory;
  std::string text;  // of a link
};

// Makes the places, parents included, never following a link: whatever the agent left in the way, but a directory, is
// removed.
base::Status prepare_mount_points(const std::string& home, const std::vector<MountPoint>& points);

}  // namespace hv::images
