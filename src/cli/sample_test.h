// Sandboxes and changes for the tests of views, hostile names included.
#pragma once

#include "base/clock.h"
#include "core/change.h"
#include "core/sandbox_info.h"

namespace hv::cli {

inline base::WallTime sample_now() {
  return *base::from_rfc3339("2026-11-23T12:00:00Z");
}

inline core::SandboxInfo sample_sandbox() {
  core::SandboxInfo sandbox;
  sandbox.id = "s0123456789abcdef";
  sandbox.name = "web";
  sandbox.state = core::SandboxState::running;
  sandbox.pid = 4242;
  sandbox.supervisor_pid = 4240;
  sandbox.created = sample_now() - std::chrono::minutes(5);
  sandbox.policy = "restricted";
  sandbox.agent = "claude";
  sandbox.workspace = {.path = "/home/u/projects/shop", .mode = core::WorkspaceMode::cow, .changes = 3};
  sandbox.command = {"claude", "--print", "fix the bug; then stop"};
  sandbox.labels = {{"team", "blue"}};
  sandbox.limits.asked = {.memory_bytes = uint64_t{2} << 30, .pids = 512, .cpu_millis = 1500};
  sandbox.limits.enforced = {.memory_bytes = uint64_t{2} << 30, .pids = 512, .cpu_millis = 0};
  sandbox.limits.how = "cgroup v1: memory, pids";
  sandbox.isolation.layers = {
      {.name = "seccomp", .status = core::LayerStatus::enforced, .detail = "deny list and listener"},
      {.name = "landlock", .status = core::LayerStatus::partial, .detail = "scopes only: nested sandboxes"}};
  sandbox.isolation.degraded = {"one user id inside: newuidmap is missing"};
  sandbox.home = "claude-1f3a";
  sandbox.host_ports = {5432};
  return sandbox;
}

inline core::SandboxInfo hostile_sandbox() {
  core::SandboxInfo sandbox = sample_sandbox();
  sandbox.id = "sfedcba9876543210";
  sandbox.name = "idle";
  sandbox.state = core::SandboxState::stopped;
  sandbox.created = sample_now() - std::chrono::hours(72);
  sandbox.workspace = {};
  sandbox.command = {"sh", "-c", "printf '\x1b]52;c;eA==\x07'"};
  sandbox.outcome = core::Outcome{.kind = core::Outcome::Kind::signalled, .code = 9, .detail = ""};
  return sandbox;
}

inline core::ChangeReport sample_changes() {
  using Kind = core::DiffLine::Kind;
  core::ChangeReport report;
  report.sandbox = "web";
  report.workspace = "/home/u/projects/shop";
  core::FileChange modified;
  modified.path = "src/main.py";
  modified.mode = modified.old_mode = 0644;
  modified.added_lines = 2;
  modified.removed_lines = 1;
  modified.hunks = {{.old_start = 1,
                     .old_lines = 3,
                     .new_start = 1,
                     .new_lines = 4,
                     .lines = {{Kind::context, "import os", false},
                               {Kind::removed, "print('old')", false},
                               {Kind::added, "print('new')", false},
                               {Kind::added, "print('\x1b[2Jmore')", false},
                               {Kind::context, "end", true}}}};
  core::FileChange held;
  held.path = ".envrc";
  held.kind = core::ChangeKind::added;
  held.mode = 0644;
  held.added_lines = 1;
  held.hazard = core::Hazard::held;
  held.hazard_reason = "direnv runs it by itself";
  held.hunks = {
      {.old_start = 0, .old_lines = 0, .new_start = 1, .new_lines = 1, .lines = {{Kind::added, "export A=1", false}}}};
  core::FileChange deleted;
  deleted.path = "gone.txt";
  deleted.kind = core::ChangeKind::deleted;
  deleted.old_mode = 0644;
  deleted.removed_lines = 1;
  deleted.conflict = "the host changed it meanwhile";
  deleted.hunks = {
      {.old_start = 1, .old_lines = 1, .new_start = 0, .new_lines = 0, .lines = {{Kind::removed, "x", false}}}};
  core::FileChange binary;
  binary.path = "logo.png";
  binary.binary = true;
  binary.mode = binary.old_mode = 0644;
  binary.old_size = 1024;
  binary.size = 2048;
  core::FileChange renamed;
  renamed.path = "lib/new name.py";
  renamed.old_path = "lib/old.py";
  renamed.kind = core::ChangeKind::renamed;
  renamed.mode = renamed.old_mode = 0644;
  core::FileChange mode;
  mode.path = "run.sh";
  mode.kind = core::ChangeKind::mode_changed;
  mode.old_mode = 0644;
  mode.mode = 0755;
  core::FileChange link;
  link.path = "evil\n\x1b[31mname";
  link.kind = core::ChangeKind::added;
  link.type = core::FileType::symlink;
  link.mode = 0777;
  link.target = "/etc/passwd";
  report.files = {held, deleted, link, renamed, binary, mode, modified};
  report.added_lines = 3;
  report.removed_lines = 2;
  report.refs = {{.name = "refs/heads/main", .old_id = "1111111111111111", .new_id = "2222222222222222", .commits = 2}};
  return report;
}

}  // namespace hv::cli
