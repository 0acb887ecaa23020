#include "workspace/live.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/changes.h"
#include "workspace/host_file.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;
using core::ChangeKind;

// What was at a path, as an entry of the store's tree with the mode and owner that the index remembers.
static Result<std::optional<Entry>> former(const PreimageStore& store, const std::string& path,
                                           const Preimage& preimage) {
  if (preimage.type == '-') return std::nullopt;
  Entry entry;
  if (preimage.type == 'f' || preimage.type == 'l') {
    std::optional<Entry> kept = HV_TRY(store.tree().stat(path));
    if (!kept) return Failure(base::io_error("pre-image of '" + base::printable(path) + "': it is missing"));
    entry = *kept;
  } else if (preimage.type == 'd') {
    entry.type = FileType::directory;
  }
  entry.mode = preimage.mode;
  entry.uid = preimage.uid;
  entry.gid = preimage.gid;
  return entry;
}

// A directory that the agent made: what is in it is new as well, and no pre-image names it.
static Status add_new_tree(const PreimageStore& store, const std::string& directory, std::vector<Change>& changes) {
  for (const std::string& name : HV_TRY(store.workspace().list(directory))) {
    Change change;
    change.path = join_path(directory, name);
    change.kind = ChangeKind::added;
    change.after = HV_TRY(store.workspace().stat(change.path));
    if (!change.after || store.index().contains(change.path)) continue;
    if (change.after->type == FileType::symlink) change.target_after = HV_TRY(store.workspace().read_link(change.path));
    std::string path = change.path;
    if (too_deep(path)) change.problem = "it lies too deep";
    bool enter = change.after->type == FileType::directory && change.problem.empty();
    judge(change);
    changes.push_back(std::move(change));
    if (enter) HV_TRY(add_new_tree(store, path, changes));
  }
  return {};
}

static Result<bool> has_changed(const PreimageStore& store, Change& change) {
  const std::optional<Entry>& before = change.before;
  const std::optional<Entry>& after = change.after;
  if (!before && !after) return false;
  if (!before || !after) {
    change.kind = before ? ChangeKind::deleted : ChangeKind::added;
    return true;
  }
  if (before->type != after->type) {
    change.kind = ChangeKind::type_changed;
    return true;
  }
  if (after->type == FileType::symlink) return change.target_before != change.target_after;
  if (after->type == FileType::regular) {
    change.kind = ChangeKind::modified;
    if (before->size != after->size) return true;
    Fd old_file = HV_TRY(store.tree().open_regular(change.path));
    Fd new_file = HV_TRY(store.workspace().open_regular(change.path));
    bool same = HV_TRY(same_content(old_file.get(), new_file.get()));
    if (!same) return true;
  }
  change.kind = ChangeKind::mode_changed;
  return applied_bits(before->mode) != applied_bits(after->mode);
}

Result<std::vector<Change>> find_live_changes(const PreimageStore& store) {
  std::vector<Change> changes;
  for (const auto& [path, preimage] : store.index()) {
    Change change;
    change.path = path;
    change.after = HV_TRY(store.workspace().stat(path));
    if (preimage.type == 'x') {
      change.problem = "it was too large to be kept, or no file; it cannot be compared or undone";
      changes.push_back(std::move(change));
      continue;
    }
    change.before = HV_TRY(former(store, path, preimage));
    if (preimage.type == 'l') change.target_before = HV_TRY(store.tree().read_link(path));
    if (change.after && change.after->type == FileType::symlink)
      change.target_after = HV_TRY(store.workspace().read_link(path));
    bool changed = HV_TRY(has_changed(store, change));
    if (!changed) continue;
    judge(change);
    bool new_directory = change.after && change.after->type == FileType::directory &&
                         (!change.before || change.before->type != FileType::directory);
    changes.push_back(std::move(change));
    if (new_directory) HV_TRY(add_new_tree(store, path, changes));
  }
  std::ranges::sort(changes, {}, &Change::path);
  return changes;
}

static Status remove_all(const Tree& tree, const std::string& path) {
  if (!HV_TRY(tree.stat(path))) return {};
  Fd parent = HV_TRY(tree.parent(path));
  return base::remove_tree_at(parent.get(), std::string(name_of(path)));
}

// The owner that a file gets back. A supervisor without root sees the ids of others as the overflow id: then what the
// file has now is as near as one can come.
static Status give_back_owner(const Tree& workspace, const std::string& path, const Change& change) {
  static constexpr uint32_t unknown = 65534;
  Entry present = HV_TRY(workspace.stat(path)).value_or(Entry{});
  const Entry& likely = change.after ? *change.after : present;
  uint32_t uid = change.before->uid == unknown ? likely.uid : change.before->uid;
  uint32_t gid = change.before->gid == unknown ? likely.gid : change.before->gid;
  return set_owner(workspace, path, uid, gid);
}

static Status put_back(const PreimageStore& store, const Change& change) {
  const Tree& workspace = store.workspace();
  if (change.kind == ChangeKind::mode_changed) return set_mode(workspace, change.path, change.before->mode);
  if (change.before->type == FileType::directory) {
    if (change.after) HV_TRY(remove_all(workspace, change.path));
    Fd parent = HV_TRY(workspace.parent(change.path));
    if (::mkdirat(parent.get(), std::string(name_of(change.path)).c_str(), 0700) != 0)
      return Failure(Error::from_errno(errno, "make the directory", base::printable(change.path)));
    HV_TRY(give_back_owner(workspace, change.path, change));
    return set_mode(workspace, change.path, change.before->mode);
  }
  if (change.after && change.after->type == FileType::directory) HV_TRY(remove_all(workspace, change.path));
  std::string temporary = join_path(parent_of(change.path), ".hydravisor-undo");
  HV_TRY(remove_file(workspace, temporary));
  if (change.before->type == FileType::symlink) {
    HV_TRY(make_symlink(workspace, temporary, change.target_before));
    HV_TRY(give_back_owner(workspace, temporary, change));
  } else {
    Fd source = HV_TRY(store.tree().open_regular(change.path));
    Fd copy = HV_TRY(workspace.open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
    HV_TRY(copy_content(source.get(), copy.get()));
    HV_TRY(give_back_owner(workspace, temporary, change));
    HV_TRY(set_mode(workspace, temporary, change.before->mode));
    if (::fsync(copy.get()) != 0)
      return Failure(Error::from_errno(errno, "write to the disk", base::printable(change.path)));
  }
  Fd parent = HV_TRY(workspace.parent(change.path));
  if (::renameat(parent.get(), std::string(name_of(temporary)).c_str(), parent.get(),
                 std::string(name_of(change.path)).c_str()) != 0)
    return Failure(Error::from_errno(errno, "put back", base::printable(change.path)));
  return {};
}

Result<core::PathsReport> undo_live(PreimageStore& store, const std::string& records,
                                    const std::vector<std::string>& paths) {
  std::vector<Change> changes = HV_TRY(find_live_changes(store));
  std::erase_if(changes, [&](const Change& change) {
    return !paths.empty() &&
           std::ranges::none_of(paths, [&](const std::string& path) { return covers(path, change.path); });
  });
  if (changes.empty() && paths.empty()) return Failure(base::not_found("undo: the sandbox changed nothing"));
  core::PathsReport report;
  // Undoing is a change too: what goes is kept once, so that nothing is ever lost by it.
  HV_TRY(base::remove_tree(records + "/undone"));
  Tree workspace(HV_TRY(store.workspace().open_directory("")));
  PreimageStore undone = HV_TRY(PreimageStore::open(std::move(workspace), records + "/undone"));
  for (const Change& change : changes)
    if (change.problem.empty()) HV_TRY(undone.keep(change.path, PreimageStore::Extent::itself));
  // What came goes, deepest first; then what went comes back, directories before what is in them.
  for (auto at = changes.rbegin(); at != changes.rend(); ++at)
    if (at->problem.empty() && at->kind == ChangeKind::added) HV_TRY(remove_all(store.workspace(), at->path));
  for (const Change& change : changes) {
    if (!change.problem.empty()) {
      report.conflicts.push_back({change.path, change.problem});
      continue;
    }
    if (change.kind != ChangeKind::added) HV_TRY(put_back(store, change));
    report.paths.push_back(change.path);
  }
  if (report.conflicts.empty() && paths.empty()) {
    HV_TRY(store.forget(""));
  } else {
    for (const std::string& path : report.paths) HV_TRY(store.forget(path));
  }
  return report;
}

}  // namespace hv::workspace
