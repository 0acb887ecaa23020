// A live workspace's safety copy: keeps what a file was before the call that is about to change it goes on.
#pragma once

#include <string>

#include "base/result.h"
#include "monitor/monitor.h"
#include "workspace/links.h"
#include "workspace/preimages.h"

namespace hv::supervisor {

class LiveWatch {
 public:
  // To be called before the supervisor confines itself: afterwards it reaches the workspace by descriptors alone.
  static base::Result<LiveWatch> open(const std::string& workspace, const std::string& records);

  // Keeps what the named paths hold now, as far as they lie in the workspace. The paths are claims, and symlinks are
  // followed as they stand at this moment: whoever races with the copy can dodge it. `links` reads those outside of the
  // workspace as the caller sees them. A failure means that the call's effect cannot be undone; the first one is
  // returned after all paths were tried.
  base::Status before(const monitor::WriteIntent& intent, const workspace::LinkReader& links);
  // Whether there is anything that undo could take back.
  bool holds_anything() const { return !store_.index().empty(); }

 private:
  LiveWatch(std::string workspace, workspace::PreimageStore store)
      : workspace_(std::move(workspace)), store_(std::move(store)) {}
  std::string workspace_;
  workspace::PreimageStore store_;
};

}  // namespace hv::supervisor
