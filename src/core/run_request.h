// What a front end asks for when it wants a sandbox or a command in one. Everything that depends on the caller's
// surroundings travels with the request: the daemon's own environment, directory and limits never leak into a sandbox.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/launch.h"
#include "core/names.h"

namespace hv::core {

enum class Tier { process, container, vm };
enum class WorkspaceMode { cow, live, ro, none };
// `policy`: as the policy, the agent's profile and `allow` say; `none`: nothing but host ports, whatever they say.
enum class NetworkMode { policy, none };

struct Variable {
  std::string name;
  std::string value;
  bool operator==(const Variable&) const = default;
};

struct WindowSize {
  uint16_t rows = 24;
  uint16_t columns = 80;
  bool operator==(const WindowSize&) const = default;
};

// setrlimit(2) of the caller; nullopt is unlimited.
struct ResourceLimit {
  std::string name;  // "nofile", "core", ... as in ulimit's long names
  std::optional<uint64_t> soft;
  std::optional<uint64_t> hard;
  bool operator==(const ResourceLimit&) const = default;
};

// The caller's surroundings as they stood when it asked.
struct Caller {
  std::vector<Variable> environment;  // all of it; the service passes on only what policy, profile and `env` name
  std::string directory;              // absolute
  std::string home;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t umask = 022;
  std::vector<ResourceLimit> limits;
  // Who asks, as the daemon knows it: what a front end says here is written over.
  std::optional<std::string> principal = {};
  bool operator==(const Caller&) const = default;
};

struct WorkspaceRequest {
  std::string path;                   // absolute; the same inside. Empty only with mode none
  std::optional<WorkspaceMode> mode;  // absent: as config.toml says, or else the policy
  bool operator==(const WorkspaceRequest&) const = default;
};

// Below these nothing can start; 0 is no limit nowhere, so that a slip does not lift one.
inline constexpr uint64_t least_memory_bytes = uint64_t{16} << 20;
inline constexpr uint64_t least_pids = 4;
inline constexpr uint32_t least_cpu_millis = 10;
inline constexpr uint64_t least_io_bytes = uint64_t{64} << 10;
inline constexpr uint64_t least_open_files = 32;
inline constexpr uint64_t least_disk_bytes = uint64_t{1} << 20;
inline constexpr uint64_t least_tmp_bytes = uint64_t{1} << 20;
inline constexpr uint64_t least_time_millis = 1000;
// Ten years: a longer time is a slip.
inline constexpr uint64_t most_time_millis = uint64_t{3650} * 86'400'000;

struct LimitsRequest {
  std::optional<uint64_t> memory_bytes;
  std::optional<uint64_t> pids;
  std::optional<uint32_t> cpu_millis;
  std::optional<uint64_t> io_bytes;
  std::optional<uint64_t> open_files;
  std::optional<uint64_t> disk_bytes;
  std::optional<uint64_t> wall_millis;
  std::optional<uint64_t> idle_millis;
  bool accept_unenforced = false;  // start although this machine cannot enforce them
  bool operator==(const LimitsRequest&) const = default;
};

struct RunRequest {
  std::vector<std::string> command;  // empty: no main command, only exec (create)
  std::optional<std::string> name;
  std::optional<std::string> policy;
  std::optional<std::string> agent;  // a profile's name; absent: found by the command's name
  Tier tier = Tier::process;
  std::optional<std::string> rootfs;  // absolute
  WorkspaceRequest workspace;
  std::string directory;              // working directory inside; empty: the caller's
  std::vector<Variable> environment;  // --env, values already resolved by the front end
  Caller caller;
  std::vector<uint16_t> host_ports;
  // Bound at the same place beside what the policy grants: absolute, or "~/...".
  std::vector<std::string> read;
  std::vector<std::string> write;
  NetworkMode network = NetworkMode::policy;
  // Rules as parse_rule() reads them, allowed beside the policy's; denials of the policy still win.
  std::vector<std::string> allow;
  std::vector<std::string> allow_private;  // the same, for hosts that may be at private addresses
  std::optional<bool> allow_nested;        // overrides the policy only towards less
  std::optional<bool> keep;                // absent: as config.toml says
  bool fresh_home = false;
  std::map<std::string, std::string> labels;
  std::optional<WindowSize> terminal;  // absent: three separate streams
  LimitsRequest limits;
  std::vector<Layer> skipped_layers;  // weakening on purpose; recorded
  std::optional<bool> prove;          // start only what a twin was probed for just before, with nothing getting through
  // Keys of the policy that may be left unenforced where this machine cannot keep them, beside the policy's own.
  std::vector<std::string> allow_degraded;
  // Policies that whoever asks has above him, as "A" or "A+B": nothing that is chosen goes beyond them.
  std::optional<std::string> ceiling;
  // Whoever asks may not change the host's files: a workspace that would be live by default is a copy.
  bool copy_only = false;
  bool operator==(const RunRequest&) const = default;
};

struct ExecRequest {
  std::vector<std::string> command;
  std::string directory;  // empty: the workspace
  std::vector<Variable> environment;
  Caller caller;
  std::optional<WindowSize> terminal;
  bool operator==(const ExecRequest&) const = default;
};

struct AttachRequest {
  std::optional<WindowSize> terminal;
  bool operator==(const AttachRequest&) const = default;
};

struct StopRequest {
  uint64_t grace_ms = 10'000;  // SIGTERM, then SIGKILL after this long
  bool operator==(const StopRequest&) const = default;
};

// More time for a sandbox that a wall or idle limit is about to end.
struct ExtendRequest {
  uint64_t millis = 0;
  bool operator==(const ExtendRequest&) const = default;
};

struct KillRequest {
  int signal = 9;
  bool operator==(const KillRequest&) const = default;
};

// What a running sandbox may reach from now on, beside what it may already. Each entry as in RunRequest.
struct NetworkRequest {
  std::vector<std::string> allow;
  std::vector<std::string> allow_private;
  // For groups: whose tools are asked. The directory and the home of the one who asks.
  Caller caller;
  bool operator==(const NetworkRequest&) const = default;
};

struct RenameRequest {
  std::string name;
  bool operator==(const RenameRequest&) const = default;
};

template <>
struct Names<Tier> {
  static constexpr std::string_view kind = "tier";
  static constexpr std::array<std::pair<Tier, std::string_view>, 3> table{
      {{Tier::process, "process"}, {Tier::container, "container"}, {Tier::vm, "vm"}}};
};

template <>
struct Names<WorkspaceMode> {
  static constexpr std::string_view kind = "workspace mode";
  static constexpr std::array<std::pair<WorkspaceMode, std::string_view>, 4> table{{{WorkspaceMode::cow, "cow"},
                                                                                    {WorkspaceMode::live, "live"},
                                                                                    {WorkspaceMode::ro, "ro"},
                                                                                    {WorkspaceMode::none, "none"}}};
};

template <>
struct Names<NetworkMode> {
  static constexpr std::string_view kind = "network mode";
  static constexpr std::array<std::pair<NetworkMode, std::string_view>, 2> table{
      {{NetworkMode::policy, "policy"}, {NetworkMode::none, "none"}}};
};

template <>
struct Names<Layer> {
  static constexpr std::string_view kind = "layer";
  static constexpr std::array<std::pair<Layer, std::string_view>, 11> table{
      {{Layer::seccomp, "seccomp"},
       {Layer::landlock, "landlock"},
       {Layer::capabilities, "capabilities"},
       {Layer::no_new_privs, "no_new_privs"},
       {Layer::masked_proc, "masked_proc"},
       {Layer::network_namespace, "network_namespace"},
       {Layer::cgroup, "cgroup"},
       {Layer::read_only_root, "read_only_root"},
       {Layer::pid_namespace, "pid_namespace"},
       {Layer::ipc_namespace, "ipc_namespace"},
       {Layer::descriptor_hygiene, "descriptor_hygiene"}}};
};

}  // namespace hv::core
