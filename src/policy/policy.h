// What a sandbox may do, as its author wrote it: text -> Policy. Pure; docs/policy.md is the format's page.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/audit_rules.h"
#include "core/behavior.h"
#include "core/egress.h"
#include "core/launch.h"
#include "core/run_request.h"
#include "policy/time_rules.h"

namespace hv::policy {

// Where a value was written, from 1.
struct Place {
  std::string policy;  // the policy's name
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  bool operator==(const Place&) const = default;
  // "mine.toml:12"
  std::string text() const;
};

// By key ("limits.memory"), and for what stands in a list by key and text ("filesystem.read /srv/models").
using Origins = std::map<std::string, Place, std::less<>>;
std::string origin_key(std::string_view key, std::string_view item);

// Which programs may be started. A denial wins over everything; what nothing names gets the fallback.
struct ExecRules {
  core::Verdict fallback = core::Verdict::allow;  // never ask
  std::vector<std::string> allow;                 // globs
  std::vector<std::string> deny;
  bool operator==(const ExecRules&) const = default;
};

// Nothing starts without a proof of containment for the same policy, made on the same machine.
struct ProofDemand {
  std::optional<std::chrono::milliseconds> oldest;  // at most this old; nothing: of any age
  bool operator==(const ProofDemand&) const = default;
};

struct Policy {
  std::string name;
  std::string description;
  // What it is made from, the later before the earlier, itself before all. Empty once resolved.
  std::vector<std::string> extends;
  core::Limits limits;  // 0: none
  core::WorkspaceMode workspace = core::WorkspaceMode::cow;
  // Paths beside the workspace, absolute or below "~/"; globs that are looked up when a sandbox starts.
  std::vector<std::string> read;
  std::vector<std::string> write;
  std::vector<std::string> hide;  // globs: shown empty
  bool nested_sandboxes = false;
  ExecRules exec;
  std::vector<std::string> denied_calls;  // names of system calls, beside the ones that no sandbox has
  // Environment variables that pass: exact names, or a prefix ending in '*', which never passes what looks like a
  // secret.
  std::vector<std::string> pass;
  std::vector<core::Variable> set;
  // Rules in the file's order, each with its origin; groups are not replaced yet, and host services are inside too.
  core::EgressPolicy egress;
  bool agent_hosts = true;                  // the hosts of the agent's own profile are allowed beside the rules
  std::vector<std::string> allow_degraded;  // keys that may be left unenforced where a machine cannot keep them
  std::optional<ProofDemand> require_probe;
  TimeRules time;                            // when it may start and run
  core::AuditRules audit;                    // what is recorded of it
  std::vector<core::BehaviorRule> behavior;  // by name, each once
  Origins origins;
  bool operator==(const Policy&) const = default;

  // Null when no file says it.
  const Place* origin(std::string_view key) const;
  const Place* origin(std::string_view key, std::string_view item) const;
};

// invalid_argument with one line for each fault: "file:line:column: key: what was expected". A section that this
// version cannot enforce is a fault too: a rule that is written but not kept would be worse than none.
base::Result<Policy> parse(std::string_view text, std::string_view file);

// Whether a policy can be called so: what its file is called without the suffix.
bool is_policy_name(std::string_view name);

// Why `path` cannot be granted, or nothing: the rules of `filesystem.read` and `.write`, also for what is asked for by
// name. Paths are compared as text: the planner resolves links when it binds them.
std::optional<std::string> why_not_granted(std::string_view path);

// The policy as `key = value` lines in a fixed order: for `inspect`, and for tests to compare.
std::string describe(const Policy& policy);

}  // namespace hv::policy
