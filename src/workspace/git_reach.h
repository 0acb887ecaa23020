// What git on the host would run or obey although its name does not show it: hooks in a directory that the
// configuration names, what hooks are links to, files that are included or run by the configuration, and directories
// that git takes for repositories.
//
// Everything is looked at twice, as the host has it and as it would be with the sandbox's changes: what is held back
// now could be accepted together with what it points to.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "workspace/change.h"
#include "workspace/places.h"

namespace hv::workspace {

class GitReach {
 public:
  // `paths` are those of the workspace that will be asked about. `places` must outlive this.
  GitReach(const Opened& places, const std::vector<std::string>& paths);
  ~GitReach();
  GitReach(const GitReach&) = delete;

  // The reason to hold back what is changed at `path`; null for none.
  const char* judge(const std::string& path, bool is_directory);

 private:
  class View;
  void look_for_repository(const std::string& directory);
  void add_repository(const std::string& git_dir, const std::string& work_tree, int depth);
  void add_modules(const View& view, const std::string& directory, const std::string& work_tree, int depth);
  void add_hooks(const View& view, const std::string& directory);
  void add_config(const View& view, const std::string& file, const std::string& work_tree, int depth);
  void add_user_config(const std::string& work_tree);
  void add(const View& view, const std::string& path, bool below);
  bool in_repository(std::string_view path);
  bool looks_like_repository(const std::string& directory) const;

  std::string workspace_;
  std::vector<View> views_;  // the host's files as they are, and as they would be after an apply of everything
  const UserGit& user_git_;
  std::set<std::string> seen_;
  std::set<std::tuple<const View*, std::string, std::string>> read_;  // configurations, for which work tree
  std::map<std::string, bool, std::less<>> reached_;                  // with whether what lies below counts too
  std::map<std::string, bool, std::less<>> repositories_;
};

// Marks such changes as held, with the reason.
void hold_what_git_reaches(const Opened& places, std::vector<Change>& changes);

}  // namespace hv::workspace
