// What a policy's patterns for paths come to in one sandbox: which places are covered because they are hidden or
// denied, and which programs alone may run.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/launch.h"
#include "images/path_search.h"

namespace hv::images {

struct PathRules {
  std::vector<std::string> hide;
  bool restrict_exec = false;  // what no rule allows may not be started
  std::vector<std::string> exec_allow;
  std::vector<std::string> exec_deny;
  bool empty() const { return hide.empty() && exec_deny.empty() && !restrict_exec; }
};

struct PathSurroundings {
  std::string home;                                  // canonical, inside
  std::string workspace;                             // empty: none
  std::vector<std::string> granted;                  // canonical
  std::vector<std::string> directories_of_programs;  // PATH inside and the system's own
};

// The mounts that cover what lies in `mounts` and is hidden or may not be started, to be made last. Bounded:
// unavailable when there is too much to look through, or `search` waits for that to be done.
base::Result<std::vector<core::Mount>> covers_of(const PathRules& rules, const PathSurroundings& around,
                                                 const std::vector<core::Mount>& mounts, PathSearch& search);

// The files and directories that may be executed where the rules allow nothing else, with the interpreters and the
// loaders that the kernel starts with them.
base::Result<std::vector<std::string>> executables_of(const PathRules& rules, const PathSurroundings& around,
                                                      const std::vector<core::Mount>& mounts, PathSearch& search);

// The paths of the host that a pattern of `read` or `write` names, at most 256 of them; the text itself when it is no
// pattern, or when there is a file of just that name. Links are not followed yet.
base::Result<std::vector<std::string>> expand_grant(const std::string& path);

}  // namespace hv::images
