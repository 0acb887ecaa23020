#include "workspace/selection.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "workspace/bytes.h"

namespace hv::workspace {

using base::Failure;
using base::Result;
using base::Status;
using core::ChangeKind;

namespace {

using ByPath = std::map<std::string_view, const Change*>;

bool named(const std::vector<std::string>& paths, std::string_view path) {
  return std::ranges::any_of(paths, [&](const std::string& named_path) { return covers(named_path, path); });
}

Status check_names(const std::vector<Change>& changes, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    HV_TRY(check_relative_path(path));
    bool known = std::ranges::any_of(
        changes, [&](const Change& change) { return covers(path, change.path) || covers(path, change.old_path); });
    if (!known && name_of(path) != ".git")
      return Failure(base::not_found("nothing is changed at '" + base::printable(path) + "'")
                         .with_hint("hydravisor diff lists what is"));
  }
  return {};
}

bool is_directory(const std::optional<Entry>& entry) {
  return entry && entry->type == FileType::directory;
}

// An entry that makes or removes a directory, so that others depend on it.
bool makes_directory(const Change& change) {
  return is_directory(change.after) && (change.kind == ChangeKind::added || change.kind == ChangeKind::type_changed);
}
bool removes_directory(const Change& change) {
  return is_directory(change.before) && (change.kind == ChangeKind::deleted || change.kind == ChangeKind::type_changed);
}

}  // namespace

Result<Selection> select_changes(const std::vector<Change>& changes, const core::ApplyRequest& request,
                                 const std::vector<std::string>& also_held) {
  HV_TRY(check_names(changes, request.paths));
  std::vector<std::string> accepted = request.accept;
  std::erase_if(accepted, [&](const std::string& path) {
    return std::ranges::any_of(also_held, [&](const std::string& held) { return covers(path, held); });
  });
  HV_TRY(check_names(changes, accepted));
  std::vector<std::string> by_hunks;
  for (const core::HunkChoice& choice : request.hunks) by_hunks.push_back(choice.path);
  HV_TRY(check_names(changes, by_hunks));

  ByPath by_path;
  std::set<std::string_view> wanted;
  for (const Change& change : changes) by_path[change.path] = &change;
  for (const Change& change : changes) {
    if (!request.paths.empty() && !named(request.paths, change.path)) continue;
    wanted.insert(change.path);
    // What moved goes with where it came from, in both directions.
    if (!change.old_path.empty()) wanted.insert(change.old_path);
  }
  for (const Change& change : changes)
    if (!change.old_path.empty() && wanted.contains(change.old_path)) wanted.insert(change.path);
  for (const core::HunkChoice& choice : request.hunks)
    if (choice.hunks.empty()) wanted.erase(choice.path);

  Selection selection;
  std::map<std::string_view, const Change*> going;
  auto refuse = [&](const Change& change, std::string reason) {
    selection.conflicts.push_back({change.path, std::move(reason)});
  };
  for (std::string_view path : wanted) {
    auto found = by_path.find(path);
    if (found == by_path.end()) continue;
    const Change& change = *found->second;
    if (!change.problem.empty()) {
      refuse(change, change.problem);
    } else if (change.hazard == core::Hazard::held && !named(request.accept, path)) {
      selection.held.push_back({change.path, change.hazard_reason});
    } else if (!change.conflict.empty() && !request.force) {
      refuse(change, change.conflict);
    } else {
      going[path] = &change;
    }
  }

  // A file in a new directory brings the directory along; in a place where the host still has a file, it needs that
  // file to go.
  std::vector<const Change*> initial;
  for (const auto& [path, change] : going) initial.push_back(change);
  for (const Change* change : initial) {
    if (change->kind == ChangeKind::deleted) continue;
    for (std::string_view up = parent_of(change->path); !up.empty(); up = parent_of(up)) {
      auto found = by_path.find(up);
      if (found == by_path.end() || going.contains(up) || !makes_directory(*found->second)) continue;
      if (found->second->kind == ChangeKind::type_changed &&
          (!found->second->problem.empty() || (!found->second->conflict.empty() && !request.force))) {
        refuse(*change, base::format("'{}' stays a {} on the host", base::printable(up),
                                     type_name(found->second->before->type)));
        going.erase(change->path);
        break;
      }
      going[up] = found->second;
      std::erase_if(selection.held, [&](const core::Refusal& held) { return held.path == up; });
    }
  }
  // A directory goes only when all that it contains goes, deepest first.
  for (bool again = true; again;) {
    again = false;
    std::set<std::string_view> blocked;
    for (const auto& [path, change] : by_path)
      if (change->before && (change->kind == ChangeKind::deleted || change->kind == ChangeKind::type_changed) &&
          !going.contains(path))
        for (std::string_view up = parent_of(path); !up.empty(); up = parent_of(up)) blocked.insert(up);
    for (auto at = going.begin(); at != going.end();) {
      if (removes_directory(*at->second) && blocked.contains(at->first)) {
        refuse(*at->second, "something in it stays on the host");
        at = going.erase(at);
        again = true;
      } else {
        ++at;
      }
    }
  }
  for (const auto& [path, change] : going) selection.going.push_back(change);
  auto by_refused_path = [](const core::Refusal& refusal) { return refusal.path; };
  std::ranges::sort(selection.held, {}, by_refused_path);
  std::ranges::sort(selection.conflicts, {}, by_refused_path);
  return selection;
}

}  // namespace hv::workspace
