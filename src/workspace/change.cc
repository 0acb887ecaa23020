#include "workspace/change.h"

namespace hv::workspace {

static core::FileType shown_type(FileType type) {
  switch (type) {
    case FileType::regular:
      return core::FileType::regular;
    case FileType::directory:
      return core::FileType::directory;
    case FileType::symlink:
      return core::FileType::symlink;
    case FileType::fifo:
    case FileType::socket:
    case FileType::device:
      break;
  }
  return core::FileType::other;
}

core::FileChange to_file_change(const Change& change) {
  core::FileChange shown;
  shown.path = change.path;
  shown.old_path = change.old_path;
  shown.kind = change.old_path.empty() ? change.kind : core::ChangeKind::renamed;
  const std::optional<Entry>& before = change.old_entry ? change.old_entry : change.before;
  if (before) {
    shown.old_type = shown_type(before->type);
    shown.type = *shown.old_type;
    shown.old_mode = before->mode;
    if (before->type == FileType::regular) shown.old_size = before->size;
    shown.old_target = change.target_before;
  }
  if (change.after && change.kind != core::ChangeKind::deleted) {
    shown.type = shown_type(change.after->type);
    shown.mode = change.after->mode;
    if (change.after->type == FileType::regular) shown.size = change.after->size;
    shown.target = change.target_after;
  }
  shown.hazard = change.hazard;
  shown.hazard_reason = change.hazard_reason;
  shown.conflict = change.conflict.empty() ? change.problem : change.conflict;
  return shown;
}

}  // namespace hv::workspace
