// What belongs to the host rather than to one sandbox: the daemon, policies, agent profiles, homes, doctor and probe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core/behavior_info.h"
#include "core/names.h"
#include "core/run_request.h"

namespace hv::core {

struct DaemonInfo {
  std::string version;
  int64_t pid = 0;
  int64_t api = 1;       // version of the API: the 1 of /v1
  int64_t protocol = 1;  // of the frames after an upgrade
};

struct ReexecRequest {
  std::string program;  // absolute path of the newer daemon
};

enum class Provenance { shipped, user };

struct PolicyInfo {
  std::string name;
  std::string description;
  Provenance provenance = Provenance::shipped;
  std::string path;                                       // of its file
  std::string text;                                       // the whole file; empty in lists
  std::optional<std::vector<BehaviorRuleInfo>> behavior;  // with all that it extends
};

struct AgentInfo {
  std::string name;
  std::string description;
  Provenance provenance = Provenance::shipped;
  std::string path;
  std::vector<std::string> commands;  // that select it
  bool nested = false;                // it sandboxes its own commands
  std::string text;                   // the whole file; empty in lists
};

struct HomeInfo {
  std::string key;
  std::string agent;
  std::string project;  // the workspace it belongs to
  std::string path;
  uint64_t bytes = 0;
  std::optional<base::WallTime> last_used;
  std::vector<std::string> sandboxes;  // that use it now
};

enum class CheckStatus { ok, degraded, missing };

struct DoctorCheck {
  std::string id;
  CheckStatus status = CheckStatus::ok;
  std::string detail;
  std::string fix;  // the exact command; empty: none needed or none known
};

struct DoctorReport {
  bool usable = false;  // a sandbox can be started
  std::vector<DoctorCheck> checks;
};

enum class LeftoverKind { directory, file, socket, cgroup };

// Something that a process left behind when it was killed, and that nothing living uses.
struct Leftover {
  LeftoverKind kind = LeftoverKind::file;
  std::string path;
  std::string reason;   // how it comes to be there
  std::string problem;  // why it could not be taken away; empty: it was, or nobody has tried
};

struct ReapReport {
  std::vector<Leftover> items;
};

enum class ProbeStatus { held, held_unrecorded, got_through, not_applicable };

struct ProbeRequest {
  std::optional<Layer> control;  // in a twin of the sandbox without this layer: what got through then proves the probe
  std::vector<std::string> ids;  // empty: all
  bool sign = false;             // in a twin in which nothing else runs, and into the ledger as a proof
};

struct ProbeResult {
  std::string id;
  std::string category;
  ProbeStatus status = ProbeStatus::held;
  std::string detail;
  std::optional<std::vector<std::string>> layers;  // of what got through: those that should have held it
};

struct ProbeReport {
  std::string sandbox;
  std::vector<ProbeResult> results;
  std::optional<uint64_t> proof;  // signed: the index of the ledger's record
};

template <>
struct Names<Provenance> {
  static constexpr std::string_view kind = "provenance";
  static constexpr std::array<std::pair<Provenance, std::string_view>, 2> table{
      {{Provenance::shipped, "shipped"}, {Provenance::user, "user"}}};
};

template <>
struct Names<LeftoverKind> {
  static constexpr std::string_view kind = "kind of leftover";
  static constexpr std::array<std::pair<LeftoverKind, std::string_view>, 4> table{
      {{LeftoverKind::directory, "directory"},
       {LeftoverKind::file, "file"},
       {LeftoverKind::socket, "socket"},
       {LeftoverKind::cgroup, "cgroup"}}};
};

template <>
struct Names<CheckStatus> {
  static constexpr std::string_view kind = "check status";
  static constexpr std::array<std::pair<CheckStatus, std::string_view>, 3> table{
      {{CheckStatus::ok, "ok"}, {CheckStatus::degraded, "degraded"}, {CheckStatus::missing, "missing"}}};
};

template <>
struct Names<ProbeStatus> {
  static constexpr std::string_view kind = "probe status";
  static constexpr std::array<std::pair<ProbeStatus, std::string_view>, 4> table{
      {{ProbeStatus::held, "held"},
       {ProbeStatus::held_unrecorded, "held_unrecorded"},
       {ProbeStatus::got_through, "got_through"},
       {ProbeStatus::not_applicable, "not_applicable"}}};
};

}  // namespace hv::core
