// What a sandbox looks like from outside: the answer of ls, inspect and stats.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core/behavior_info.h"
#include "core/egress.h"
#include "core/run_request.h"
#include "core/state.h"

namespace hv::core {

struct WorkspaceInfo {
  std::string path;  // empty: none
  WorkspaceMode mode = WorkspaceMode::none;
  std::optional<uint64_t> changes;  // files that differ and are not applied; absent when not counted (ls)
};

struct LimitsInfo {
  Limits asked;
  Limits enforced;
  std::string how;               // "cgroup v1: memory, pids, cpu"; why not, where something is missing
  uint64_t extended_millis = 0;  // granted since the start, on top of the wall time
};

enum class LayerStatus { enforced, partial, skipped, unavailable };

struct LayerInfo {
  std::string name;
  LayerStatus status = LayerStatus::enforced;
  std::string detail;
};

struct IsolationInfo {
  std::vector<LayerInfo> layers;
  std::vector<std::string> degraded;  // sentences: what this machine or this request leaves unenforced
  std::optional<bool> nested;         // true: the agent may make namespaces and mounts of its own
};

// One rule of what a sandbox may reach, as it is written.
struct NetworkRuleInfo {
  Verdict verdict = Verdict::deny;
  std::string rule;    // "*.example.org:443"
  std::string origin;  // who says so: "policy restricted:12", "--allow", "agent claude"
};

struct NetworkInfo {
  bool open = false;                 // false: there is no way out at all, and none can be opened while it runs
  Verdict fallback = Verdict::deny;  // for what no rule names
  std::vector<NetworkRuleInfo> rules;
};

struct SandboxInfo {
  std::string id;
  std::string name;
  SandboxState state = SandboxState::created;
  Tier tier = Tier::process;
  std::optional<int64_t> pid;  // init, as the host sees it
  std::optional<int64_t> supervisor_pid;
  base::WallTime created{};
  std::optional<base::WallTime> started;
  std::optional<base::WallTime> stopped;
  std::string policy;
  std::optional<std::string> agent;
  WorkspaceInfo workspace;
  std::vector<std::string> command;
  std::map<std::string, std::string> labels;
  LimitsInfo limits;
  IsolationInfo isolation;
  std::optional<std::string> frozen;  // why it stands still by itself: its record cannot be kept
  std::optional<Outcome> outcome;
  std::optional<std::string> home;  // key of the persistent home
  std::vector<uint16_t> host_ports;
  NetworkInfo network;
  std::vector<std::string> cgroups;
  std::string rootfs;                  // empty: the host's own tools
  std::optional<std::string> made_by;  // a principal; absent for one that an earlier version made
  // Of inspect alone: the rules of behavior of its present or last run, and what they have made scarce.
  std::optional<std::vector<BehaviorRuleInfo>> behavior;
  std::optional<std::vector<ThrottleInfo>> throttled;
};

// Since the sandbox was made.
struct NetworkUsage {
  uint64_t connections = 0;
  uint64_t denied = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
};

// GET /v1/sandboxes: every condition given must hold.
struct SandboxFilter {
  std::map<std::string, std::string> labels;
  std::optional<SandboxState> state;
};

// Absent: this machine does not tell.
struct SandboxStats {
  SandboxState state = SandboxState::created;
  std::optional<uint64_t> memory_bytes;
  std::optional<uint64_t> memory_peak_bytes;
  std::optional<uint64_t> processes;
  std::optional<uint64_t> cpu_nanoseconds;
  std::optional<uint64_t> workspace_bytes;  // of the copy-on-write layer
  std::optional<uint64_t> io_read_bytes;
  std::optional<uint64_t> io_written_bytes;
  // Since it was made; absent without a network.
  std::optional<uint64_t> connections;
  std::optional<uint64_t> connections_denied;
  std::optional<uint64_t> network_bytes_in;
  std::optional<uint64_t> network_bytes_out;
};

struct SandboxUsage {
  std::string id;
  std::string name;
  SandboxStats stats;
};

// What all that run use, at one moment.
struct Usage {
  base::WallTime time{};
  std::vector<SandboxUsage> sandboxes;  // by name
};

template <>
struct Names<LayerStatus> {
  static constexpr std::string_view kind = "layer status";
  static constexpr std::array<std::pair<LayerStatus, std::string_view>, 4> table{
      {{LayerStatus::enforced, "enforced"},
       {LayerStatus::partial, "partial"},
       {LayerStatus::skipped, "skipped"},
       {LayerStatus::unavailable, "unavailable"}}};
};

}  // namespace hv::core
