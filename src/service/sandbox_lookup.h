// How the use cases that are not about life cycle (workspace, probe, audit) find a sandbox.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/run_request.h"
#include "core/sandbox_info.h"

namespace hv::service {

// One sandbox at one moment; a copy, so it stays readable while the sandbox goes on.
struct SandboxView {
  core::SandboxInfo info;
  std::string directory;  // of its state: workspace/ below it holds upper, work and what apply needs
  core::NetworkUsage network;
  bool host_root =
      false;  // started by real root: upper files belong to the workspace's owner through an id-mapped mount
  bool record_files = true;  // as the policy of its last run says
  std::string ceiling;       // "A+B": the policies above whoever made it; empty: none
};

class SandboxLookup {
 public:
  virtual ~SandboxLookup() = default;
  // By name or id; not_found names the nearest. Any thread.
  virtual base::Result<SandboxView> find(std::string_view sandbox) const = 0;
};

}  // namespace hv::service
