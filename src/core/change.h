// How a sandbox's workspace differs from the host's, and what was done about it: diff, apply, discard, undo, sync.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/names.h"
#include "core/run_request.h"

namespace hv::core {

enum class ChangeKind { added, modified, deleted, renamed, mode_changed, type_changed };
enum class FileType { regular, directory, symlink, other };
// What the host does with such a file. `held` ones need --accept, `notice` ones are only shown.
enum class Hazard { none, notice, held };

struct DiffLine {
  enum class Kind { context, added, removed };
  Kind kind = Kind::context;
  std::string text;         // without its newline; any bytes
  bool no_newline = false;  // the file ends here without one
};

struct Hunk {
  uint32_t old_start = 0;
  uint32_t old_lines = 0;
  uint32_t new_start = 0;
  uint32_t new_lines = 0;
  std::vector<DiffLine> lines;
};

struct FileChange {
  std::string path;      // relative to the workspace; any bytes
  std::string old_path;  // renamed: from where
  ChangeKind kind = ChangeKind::modified;
  FileType type = FileType::regular;
  std::optional<FileType> old_type;
  std::optional<uint32_t> mode;  // permission bits after; absent when deleted
  std::optional<uint32_t> old_mode;
  std::optional<uint64_t> size;
  std::optional<uint64_t> old_size;
  std::string target;  // symlink: its text
  std::string old_target;
  bool binary = false;
  uint64_t added_lines = 0;
  uint64_t removed_lines = 0;
  Hazard hazard = Hazard::none;
  std::string hazard_reason;  // "git runs it by itself"
  std::string conflict;       // why apply would refuse: the host changed it meanwhile; empty: it would not
  std::vector<Hunk> hunks;    // empty for binary files, and where only statistics were asked for
  bool truncated = false;     // too large to be shown line by line
};

struct RefChange {
  std::string name;    // "refs/heads/main"
  std::string old_id;  // empty: new
  std::string new_id;  // empty: deleted
  uint64_t commits = 0;
};

struct ChangeReport {
  std::string sandbox;
  std::string workspace;
  WorkspaceMode mode = WorkspaceMode::cow;
  uint64_t added_lines = 0;
  uint64_t removed_lines = 0;
  std::vector<FileChange> files;  // by path
  std::vector<RefChange> refs;    // commits made inside
  std::string digest = {};        // stands for all that is shown; empty with statistics alone and for live workspaces
};

struct DiffRequest {
  std::vector<std::string> paths;  // relative to the workspace; empty: everything
  bool statistics_only = false;    // no hunks
};

// Some hunks of one file, counted from 0 in the order of its diff.
struct HunkChoice {
  std::string path;
  std::vector<uint32_t> hunks;
};

struct ApplyRequest {
  std::vector<std::string> paths;   // empty: everything
  std::vector<std::string> accept;  // held files that are meant
  std::vector<HunkChoice> hunks;    // files not named here come whole
  bool dry_run = false;
  bool force = false;  // over what the host changed meanwhile
  // ChangeReport::digest: nothing goes when the changes are not those that it stands for. Empty: what is there now.
  std::string digest = {};
  std::vector<std::string> reviewed = {};  // DiffRequest::paths of that report; empty: `paths`, or everything
};

struct Refusal {
  std::string path;
  std::string reason;
};

struct ApplyReport {
  std::vector<std::string> applied;
  std::vector<Refusal> held;       // run --accept PATH
  std::vector<Refusal> conflicts;  // the host changed them meanwhile
  std::vector<RefChange> refs;     // that now are in the host's repository
  bool dry_run = false;
  bool running = false;  // the sandbox was alive meanwhile, so that it may have changed more since
};

struct DiscardRequest {
  std::vector<std::string> paths;  // empty: everything
};

// What discard, undo and sync did.
struct PathsReport {
  std::vector<std::string> paths;
  std::vector<Refusal> conflicts;
};

template <>
struct Names<ChangeKind> {
  static constexpr std::string_view kind = "change";
  static constexpr std::array<std::pair<ChangeKind, std::string_view>, 6> table{
      {{ChangeKind::added, "added"},
       {ChangeKind::modified, "modified"},
       {ChangeKind::deleted, "deleted"},
       {ChangeKind::renamed, "renamed"},
       {ChangeKind::mode_changed, "mode_changed"},
       {ChangeKind::type_changed, "type_changed"}}};
};

template <>
struct Names<FileType> {
  static constexpr std::string_view kind = "file type";
  static constexpr std::array<std::pair<FileType, std::string_view>, 4> table{{{FileType::regular, "regular"},
                                                                               {FileType::directory, "directory"},
                                                                               {FileType::symlink, "symlink"},
                                                                               {FileType::other, "other"}}};
};

template <>
struct Names<Hazard> {
  static constexpr std::string_view kind = "hazard";
  static constexpr std::array<std::pair<Hazard, std::string_view>, 3> table{
      {{Hazard::none, "none"}, {Hazard::notice, "notice"}, {Hazard::held, "held"}}};
};

template <>
struct Names<DiffLine::Kind> {
  static constexpr std::string_view kind = "line";
  static constexpr std::array<std::pair<DiffLine::Kind, std::string_view>, 3> table{
      {{DiffLine::Kind::context, "context"}, {DiffLine::Kind::added, "added"}, {DiffLine::Kind::removed, "removed"}}};
};

}  // namespace hv::core
