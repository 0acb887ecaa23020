// One start, put together: (request, policy, profile, host) -> the mount list, the environment and the command of a
// LaunchSpec.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/launch.h"
#include "core/run_request.h"
#include "images/agent_profile.h"
#include "images/host_view.h"
#include "images/path_rules.h"
#include "images/toolchain_cache.h"

namespace hv::images {

struct PlanRequest {
  HostView host;
  std::vector<std::string> command;  // empty: none, only exec
  AgentProfile agent;
  core::WorkspaceMode mode = core::WorkspaceMode::cow;
  std::string workspace;  // from check_workspace(); empty only with mode none
  std::string directory;  // working directory inside; empty: the caller's where it is visible, else the workspace, else
                          // the home
  std::optional<std::string> rootfs;
  // Of the policy.
  std::vector<std::string> read;
  std::vector<std::string> write;
  std::vector<std::string> pass;
  std::vector<core::Variable> set;  // --env
  PathRules paths;
  std::vector<std::string> own_directories;  // Hydravisor's configuration and state: no grant shows them
  // Of the sandbox.
  std::string home;             // Home::path
  std::string state_directory;  // workspace/ and rootfs/ are made below it
  std::string cache;            // core::Paths::cache
  std::string hostname;
  uint32_t uid = 0;  // inside
  uint32_t gid = 0;
  uint64_t tmp_bytes = 0;
  ToolchainCache* tools = nullptr;  // null: everything is looked for anew
  PathSearch* search = nullptr;     // null: all is looked through at once
  // Mounted last, over the workspace: what it needs beside itself (a worktree's repository), or shows read-only.
  std::vector<core::Mount> over_workspace;
};

struct Plan {
  std::vector<core::Mount> mounts;
  core::Command command;                // arguments, environment and directory; the terminal is the caller's to fill
  std::string home;                     // inside
  std::vector<std::string> executable;  // with PathRules::restrict_exec: all that may be executed
  std::vector<std::string> notes;       // one sentence each: what is not visible although PATH or the policy names it
};

// Makes directories in `home`, `state_directory` and `cache`; nothing else of the host changes. not_found when the
// command exists neither on the host nor in the sandbox's home, or would not be visible inside: the error names the
// directory and how to bind it. denied when it is not executable. When `search` waits it failed for that alone.
base::Result<Plan> make_plan(const PlanRequest& request);

}  // namespace hv::images
