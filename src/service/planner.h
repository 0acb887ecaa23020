// From what was asked for to everything a supervisor needs: policy, profile, toolchain, home, mounts, environment,
// limits, filters.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/host_groups.h"
#include "core/host_info.h"
#include "core/id.h"
#include "core/launch.h"
#include "core/paths.h"
#include "core/proof.h"
#include "core/run_request.h"
#include "core/sandbox_info.h"
#include "images/path_search.h"
#include "images/toolchain_cache.h"
#include "isolation/cgroup.h"
#include "isolation/idmap.h"
#include "policy/enforcement.h"
#include "policy/policy.h"
#include "service/egress_plan.h"

namespace hv::service {

struct LaunchPlan {
  core::LaunchSpec spec;
  isolation::CgroupPlan cgroups;
  core::LimitsInfo limits;
  std::vector<std::string> degraded;  // what was asked for and does not hold here, accepted or inherent
  std::string policy;
  std::string agent;
  core::WorkspaceMode mode = core::WorkspaceMode::cow;
  bool keep = false;  // `run`: also without changes
  std::optional<std::string> home;
  std::string home_inside;
  std::vector<core::Variable> kept_environment;  // what a later start may use again
  bool host_root = false;
  core::ProofSubject subject;  // without the plan's digest: service/proof_subject.h
  std::optional<policy::ProofDemand> proof_demand;
  std::optional<base::Instant> ends_at;      // when the policy's hours are over
  std::vector<core::BehaviorRule> behavior;  // the policy's rules about what it does
  // Rootless with a range of ids: the user namespace its supervisor lives in. The planner's; null: the supervisor makes
  // its own.
  const base::Fd* user_namespace = nullptr;
};

// Why nothing was started, and what `run` exits with: 127 for a command that is not there, 126 for one that is not
// executable, 125 otherwise.
struct Refusal {
  base::Error error;
  int exit_code = 125;
};
template <typename T>
using Planned = std::expected<T, Refusal>;

class Planner {
 public:
  struct Options {
    core::Paths paths;
    std::string program_directory;  // where Hydravisor's own programs lie
    uint32_t uid = 0;
    std::string user;
    isolation::CgroupLayout cgroups;
  };
  // Looks at the machine once: Landlock, id ranges.
  explicit Planner(Options options);

  // The id ranges of live sandboxes, and the one that a spare supervisor has already, which the plan then takes.
  struct Ranges {
    std::vector<core::IdRange> used;
    std::optional<core::IdRange> ready;
  };
  // Everything that can refuse a start does so here, before anything has happened. The sandbox's `directory` need not
  // exist; nothing is written but the home and caches.
  // When `search` waits afterwards it failed for that alone: made again once that is answered, it goes on.
  Planned<LaunchPlan> plan(const core::RunRequest& request, const core::SandboxId& id, const std::string& name,
                           const std::string& directory, const Ranges& ranges, images::PathSearch& search);
  // What a sandbox made by `request` may reach by the policies of this moment; groups stand for the tools of `asking`.
  base::Result<EgressPlan> plan_network(core::RunRequest request, const core::Caller& asking);
  // What this machine offers to policies. Thread-safe.
  policy::Machine machine() const;
  // Makes a groundwork fit for another start: with ids of its own.
  base::Status renew(core::Groundwork& ground, const std::vector<core::IdRange>& used_ranges) const;
  // A command for a running sandbox: the environment its policy allows this caller, in its own home and PATH.
  // `directory` is the sandbox's, `info` what it was started as.
  Planned<core::Command> plan_exec(const core::ExecRequest& request, const core::RunRequest& sandbox,
                                   const std::string& directory, const core::SandboxInfo& info);

 private:
  Options options_;
  images::ToolchainCache tools_;
  int landlock_abi_ = 0;
  isolation::IdMaps id_maps_;
  config::HostGroups groups_;
  base::Fd user_namespace_;  // with all of id_maps_; empty when only one id can be mapped
};

// Makes what the plan takes for granted below the sandbox's directory: the copy-on-write layers with the workspace's
// owner and mode.
base::Status prepare_directories(const LaunchPlan& plan);

}  // namespace hv::service
