// What @git, @npm, @pip, @apt, @cargo and @go stand for on this machine: the servers that the user's own tools are
// configured to use. No server is known to us by name. Only files are read; no program is started and no name is looked
// up. Of the workspace, which an agent may have written, only the remotes in .git/config are read: applying a change to
// that file takes a confirmation of its own, and a live workspace keeps it read-only.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/egress.h"
#include "core/run_request.h"

namespace hv::config {

struct GroupSources {
  std::string home;        // the user's
  std::string repository;  // the git directory whose remotes count; empty: none
  std::string workspace;   // no tool in it tells what its default is; empty: none
  std::vector<core::Variable> environment;
  std::string root;  // stands before "/etc" and the like; empty but in tests
};

class HostGroups {
 public:
  // Allowing rules for the group's hosts, each once; the origin of each is the file or variable that names it. Where
  // nothing is configured that file is one of the tool itself, as it is installed; not_found when it names no server
  // either. A file that cannot be read or understood is an error: leaving it out could mean the default where the user
  // chose another server.
  base::Result<std::vector<core::EgressRule>> resolve(std::string_view group, const GroupSources& sources);

 private:
  struct Cached {
    int64_t modified_ns = 0;
    int64_t size = 0;
    std::string text;
  };
  friend class GroupReader;
  // The file's text, from memory while its time and size stay; nothing when it does not exist.
  base::Result<std::optional<std::string>> read(const std::string& path);

  std::mutex mutex_;
  std::map<std::string, Cached, std::less<>> files_;
};

}  // namespace hv::config
