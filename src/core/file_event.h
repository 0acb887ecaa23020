// What became of one path that a sandbox could write to, or of many paths of one directory: found where the files lie,
// after the fact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/change.h"
#include "core/names.h"

namespace hv::core {

enum class FileEventKind { created, modified, deleted, renamed, mode, owner };

struct FileState {
  FileType type = FileType::regular;
  uint32_t mode = 0;  // 07777
  uint32_t uid = 0;   // as the disk has it
  uint32_t gid = 0;
  uint64_t size = 0;
  bool operator==(const FileState&) const = default;
};

struct FileEvent {
  FileEventKind kind = FileEventKind::modified;
  std::string path;                 // absolute, any bytes; of a fold: the directory
  std::string old_path;             // renamed: from where
  std::optional<FileState> before;  // where it is known
  std::optional<FileState> after;
  bool host_changed = false;  // the host changed the same file meanwhile: what differs may be the host's doing
  // Of a live workspace: it changed while the sandbox ran, and no program inside said that it would. The host did it,
  // or a program that lied.
  bool unclaimed = false;

  // A fold: this many paths below `path`, of which these are named: all or none. `digest` is SHA-256 over all of them,
  // sorted as bytes, each with a NUL byte behind it.
  uint64_t count = 0;  // 0: no fold
  std::vector<std::string> paths = {};
  std::string digest = {};
  bool operator==(const FileEvent&) const = default;
};

template <>
struct Names<FileEventKind> {
  static constexpr std::string_view kind = "kind of file event";
  static constexpr std::array<std::pair<FileEventKind, std::string_view>, 6> table{
      {{FileEventKind::created, "created"},
       {FileEventKind::modified, "modified"},
       {FileEventKind::deleted, "deleted"},
       {FileEventKind::renamed, "renamed"},
       {FileEventKind::mode, "mode"},
       {FileEventKind::owner, "owner"}}};
};

}  // namespace hv::core
