#include "workspace/discard.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/changes.h"
#include "workspace/host_file.h"

namespace hv::workspace {

using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

// Removes `path` of the upper directory and all below it, without following a link.
static Status remove_below(const Tree& upper, const std::string& path) {
  Fd parent = HV_TRY(upper.parent(path));
  return base::remove_tree_at(parent.get(), std::string(name_of(path)));
}

// A deletion inside a directory that was deleted or replaced has no whiteout of its own; it can be forgotten only with
// the directory.
static bool went_with_directory(const Tree& upper, std::string_view path) {
  for (std::string_view up = parent_of(path); !up.empty(); up = parent_of(up)) {
    auto entry = upper.stat(up);
    if (entry && *entry && ((*entry)->type != FileType::directory || is_opaque(upper, up))) return true;
  }
  return false;
}

Result<core::PathsReport> discard(const Opened& places, const std::vector<std::string>& paths) {
  Baseline baseline = HV_TRY(places.baseline());
  ChangeSet set = HV_TRY(find_changes(places, baseline));
  core::PathsReport report;
  auto wanted = [&](std::string_view path) {
    return paths.empty() || std::ranges::any_of(paths, [&](const std::string& named) { return covers(named, path); });
  };
  std::set<std::string> targets;
  for (const std::string& path : paths) {
    HV_TRY(check_relative_path(path));
    bool known =
        std::ranges::any_of(set.changes, [&](const Change& change) { return covers(path, change.path); }) ||
        std::ranges::any_of(set.repositories, [&](const std::string& known_path) { return covers(path, known_path); });
    if (!known)
      return Failure(base::not_found("nothing is changed at '" + base::printable(path) + "'")
                         .with_hint("hydravisor diff lists what is"));
  }
  for (const Change& change : set.changes) {
    if (!wanted(change.path)) continue;
    targets.insert(change.path);
    if (!change.old_path.empty()) targets.insert(change.old_path);
    report.paths.push_back(change.path);
  }
  if (paths.empty()) {
    // Everything, what equals the host included: the overlay begins anew. The root stays; it carries the workspace's
    // mode.
    for (const std::string& name : HV_TRY(places.upper.list(""))) HV_TRY(remove_below(places.upper, name));
    // From here on the sandbox sees what the host has now.
    if (::unlink(places.baseline_file().c_str()) != 0 && errno != ENOENT)
      return Failure(base::Error::from_errno(errno, "begin the baseline anew", places.baseline_file()));
    HV_TRY(Baseline::begin(places.baseline_file()));
    return report;
  }
  for (const std::string& repository : set.repositories)
    if (wanted(repository)) targets.insert(repository), report.paths.push_back(repository);
  for (const std::string& path : targets) {
    bool directory_of_both = false;
    std::optional<Entry> inside = HV_TRY(places.upper.stat(path));
    std::optional<Entry> host = HV_TRY(places.host.stat(path));
    if (!inside) {
      bool with_directory = std::ranges::any_of(
          targets, [&](const std::string& target) { return target != path && covers(target, path); });
      if (!with_directory && went_with_directory(places.upper, path)) {
        std::erase(report.paths, path);
        report.conflicts.push_back({path, "its whole directory was deleted or replaced inside; discard the directory"});
      }
      continue;
    }
    if (host && inside->type == FileType::directory && host->type == FileType::directory)
      directory_of_both = name_of(path) != ".git" && !covers(".git", path);
    if (directory_of_both) {
      // Only the directory's own mode: what is below it is named by itself or stays.
      HV_TRY(set_mode(places.upper, path, host->mode));
    } else {
      HV_TRY(remove_below(places.upper, path));
    }
  }
  HV_TRY(places.agree({report.paths.begin(), report.paths.end()}));
  std::ranges::sort(report.paths);
  return report;
}

}  // namespace hv::workspace
