// What a sandbox may do, as its author wrote it: text -> Policy. Pure; docs/policy.md is the format's page.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/egress.h"
#include "core/launch.h"
#include "core/run_request.h"

namespace hv::policy {

// Nothing starts without a proof of containment for the same policy, made on the same machine.
struct ProofDemand {
  std::optional<std::chrono::milliseconds> oldest;  // at most this old; nothing: of any age
  bool operator==(const ProofDemand&) const = default;
};

struct Policy {
  std::string name;
  std::string description;
  core::Limits limits;  // 0: none
  core::WorkspaceMode workspace = core::WorkspaceMode::cow;
  // Paths beside the workspace, absolute or below "~/".
  std::vector<std::string> read;
  std::vector<std::string> write;
  bool nested_sandboxes = false;
  // Environment variables that pass: exact names, or a prefix ending in '*', which never passes what looks like a
  // secret.
  std::vector<std::string> pass;
  // Rules in the file's order, each with its origin; groups are not replaced yet, and host services are inside too.
  core::EgressPolicy egress;
  bool agent_hosts = true;  // the hosts of the agent's own profile are allowed beside the rules
  std::optional<ProofDemand> require_probe;
  bool operator==(const Policy&) const = default;
};

// invalid_argument with one line for each fault: "file:line:column: key: what was expected". A section that this
// version cannot enforce is a fault too: a rule that is written but not kept would be worse than none.
base::Result<Policy> parse(std::string_view text, std::string_view file);

// Why `path` cannot be granted, or nothing: the rules of `filesystem.read` and `.write`, also for what is asked for by
// name. Paths are compared as text: the planner resolves links when it binds them.
std::optional<std::string> why_not_granted(std::string_view path);

// The policy as `key = value` lines in a fixed order: for `inspect`, and for tests to compare.
std::string describe(const Policy& policy);

}  // namespace hv::policy
