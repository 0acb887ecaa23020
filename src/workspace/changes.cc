#include "workspace/changes.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <strings.h>
#include <sys/xattr.h>

#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/git_reach.h"
#include "workspace/hazard.h"

namespace hv::workspace {

using base::Error;
using base::Fd;
using base::Result;

namespace {

// What of a `.git` the host runs: these are listed as files, all else there is git's own affair.
constexpr const char* git_held[] = {"config", "config.worktree", "hooks", "info/attributes", "info/grafts", "gitdir"};

// git's own examples, which it does not run.
bool is_sample_hook(std::string_view path) {
  return path.ends_with(".sample") && parent_of(path).ends_with(".git/hooks");
}

bool is_git_name(std::string_view name) {
  return name.size() == 4 && ::strncasecmp(name.data(), ".git", 4) == 0;
}

class Walk {
 public:
  Walk(const Tree& lower, const Tree& upper, const Baseline& baseline, Scope scope)
      : lower_(lower), upper_(upper), baseline_(baseline), everything_(scope == Scope::everything) {
    if (!everything_) return;
    if (auto entry = lower_.stat("")) lower_root_ = entry->value_or(Entry{});
    if (auto entry = upper_.stat("")) upper_root_ = entry->value_or(Entry{});
  }

  // The entries of the upper directory `path`. `merged`: the lower directory of the same path shows through.
  base::Status directory(const std::string& path, bool merged) {
    std::vector<std::string> names = HV_TRY(upper_.list(path));
    bool opaque = is_opaque(upper_, path);
    for (const std::string& name : names) entry(join_path(path, name), merged);
    if (!merged || !opaque) return {};
    // An opaque directory hides all that it does not contain.
    for (const std::string& name : HV_TRY(lower_.list(path)))
      if (!std::ranges::binary_search(names, name)) removed(join_path(path, name));
    return {};
  }

  ChangeSet finish() {
    std::ranges::sort(set_.changes, {}, &Change::path);
    std::ranges::sort(set_.repositories);
    return std::move(set_);
  }

  void add(Change change) {
    if (!everything_) judge(change);
    set_.changes.push_back(std::move(change));
  }

 private:
  // `below`: the host has a directory where this entry lies, though an opaque mark may hide it; what the sandbox put in
  // place of its entries is compared with them all the same, since what equals the host is no change.
  void entry(const std::string& path, bool below) {
    if (!everything_ && is_sample_hook(path)) return;
    auto after = upper_.stat(path);
    if (!after || !*after) return problem(path, after ? "it vanished while it was read" : after.error().message());
    std::optional<Entry> before;
    if (below) {
      auto found = lower_.stat(path);
      if (!found) return problem(path, found.error().message());
      before = *found;
    }
    if (!everything_ && is_git_name(name_of(path))) return git(path, before, **after);
    if (is_whiteout(upper_, path, **after)) {
      if (before) removed(path);
      return;
    }
    compare(path, before, **after);
  }

  void compare(const std::string& path, const std::optional<Entry>& before, const Entry& after) {
    if (too_deep(path)) return problem(path, "it lies too deep");
    Change change;
    change.path = path;
    change.before = before;
    change.after = after;
    // Brought in from the host, or applied to it, and not touched inside since: what differs now was changed on the
    // host.
    if (after.type != FileType::directory && baseline_.untouched_inside(path, after)) return;
    bool replaced = before && before->type != after.type;
    if (!before) change.kind = core::ChangeKind::added;
    if (replaced) change.kind = core::ChangeKind::type_changed;
    read_links(change);
    check_supported(change);
    if (replaced && before->type == FileType::directory) removed_children(path);

    if (before && !replaced) {
      bool same_mode = everything_ ? before->mode == after.mode && has_owner_of(*before, after)
                                   : applied_bits(before->mode) == applied_bits(after.mode);
      bool same = true;
      if (after.type == FileType::regular) same = same_bytes(change);
      if (after.type == FileType::symlink)
        same = change.target_before == change.target_after, same_mode |= !everything_;
      if (!same) {
        change.kind = core::ChangeKind::modified;
      } else if (!same_mode) {
        change.kind = core::ChangeKind::mode_changed;
      }
      if (!same || !same_mode || !change.problem.empty()) found(std::move(change));
    } else {
      found(std::move(change));
    }
    if (after.type == FileType::directory) {
      bool merged = before && before->type == FileType::directory;
      if (auto listed = directory(path, merged); !listed) problem(path, listed.error().message());
    }
  }

  void found(Change change) {
    change.conflict = conflict_of(change);
    add(std::move(change));
  }

  std::string conflict_of(const Change& change) {
    if (!change.before) {
      // A copy of a host file that the host has no more: it was deleted there, unless the sandbox itself moved the copy
      // here.
      if (!deleted_on_host(change)) return {};
      return "the host deleted it after the sandbox began";
    }
    if (change.before->type == FileType::directory) {
      if (change.kind == core::ChangeKind::mode_changed && baseline_.directory_changed(change.path, *change.before))
        return "the host changed its mode or owner after the sandbox began";
      return {};
    }
    if (!baseline_.changed(change.path, *change.before)) return {};
    return change.kind == core::ChangeKind::added ? "the host made it too"
                                                  : "the host changed it after the sandbox began";
  }

  // Whether the file in the upper is a copy of one that the host had. overlayfs marks copies with an origin; a
  // directory whose entries did not change on the host cannot have lost one.
  bool deleted_on_host(const Change& change) {
    if (change.after->type != FileType::regular && change.after->type != FileType::directory) return false;
    if (!has_origin(change.path)) return false;
    auto parent = lower_.stat(parent_of(change.path));
    return parent && *parent && baseline_.entries_changed(parent_of(change.path), **parent);
  }

  bool has_origin(const std::string& path) {
    auto fd = upper_.open_file(path, O_RDONLY | O_NONBLOCK);
    // The value is empty when the overlay cannot name the lower file; that it is there is what counts.
    return fd && (::fgetxattr(fd->get(), "user.overlay.origin", nullptr, 0) >= 0 ||
                  ::fgetxattr(fd->get(), "trusted.overlay.origin", nullptr, 0) >= 0);
  }

  void read_links(Change& change) {
    auto read = [&](const Tree& tree, const std::optional<Entry>& entry, std::string& target) {
      if (!entry || entry->type != FileType::symlink) return;
      auto text = tree.read_link(change.path);
      if (text) {
        target = *text;
      } else {
        change.problem = text.error().message();
      }
    };
    read(lower_, change.before, change.target_before);
    read(upper_, change.after, change.target_after);
  }

  static void check_supported(Change& change) {
    FileType type = change.after->type;
    if (type == FileType::fifo || type == FileType::socket || type == FileType::device)
      change.problem = "a " + std::string(type_name(type)) + " is never applied";
  }

  bool same_bytes(Change& change) {
    auto mine = upper_.open_regular(change.path);
    if (!mine) {
      change.problem = mine.error().message();
      return false;
    }
    if (change.before->size != change.after->size) return false;
    auto hosts = lower_.open_regular(change.path);
    if (!hosts) {
      change.problem = hosts.error().message();
      return false;
    }
    auto same = same_content(hosts->get(), mine->get());
    if (!same) change.problem = same.error().message();
    return same && *same;
  }

  // The host's entry is gone inside: it and everything below it.
  void removed(const std::string& path) {
    if (too_deep(path)) return problem(path, "it lies too deep");
    auto before = lower_.stat(path);
    if (!before) return problem(path, before.error().message());
    if (!*before) return;
    Change change;
    change.path = path;
    change.kind = core::ChangeKind::deleted;
    change.before = **before;
    read_links(change);
    if (!everything_ && is_git_name(name_of(path))) {
      change.problem = "a repository is never deleted by apply";
      return add(std::move(change));
    }
    found(std::move(change));
    if ((*before)->type == FileType::directory) removed_children(path);
  }

  void removed_children(const std::string& path) {
    auto names = lower_.list(path);
    if (!names) return problem(path, names.error().message());
    for (const std::string& name : *names) removed(join_path(path, name));
  }

  void git(const std::string& path, const std::optional<Entry>& before, const Entry& after) {
    if (is_whiteout(upper_, path, after)) {
      if (before) removed(path);
      return;
    }
    // A `.git` that is no directory says where the repository lies: a file like another, held by its name.
    if (after.type != FileType::directory) return compare(path, before, after);
    set_.repositories.push_back(path);
    bool merged = before && before->type == FileType::directory;
    for (const char* held : git_held) {
      std::string inside = join_path(path, held);
      auto found_entry = upper_.stat(inside);
      if (!found_entry || !*found_entry) continue;
      entry(inside, merged);
      // A new directory of nothing but samples is no news.
      if (!set_.changes.empty() && set_.changes.back().path == inside &&
          set_.changes.back().kind == core::ChangeKind::added && (*found_entry)->type == FileType::directory)
        set_.changes.pop_back();
    }
  }

  void problem(const std::string& path, const std::string& why) {
    Change change;
    change.path = path;
    change.problem = why;
    if (auto entry = lower_.stat(path); entry) change.before = *entry;
    if (auto entry = upper_.stat(path); entry) change.after = *entry;
    if (!change.before) change.kind = core::ChangeKind::added;
    // One line a path is enough: the first says why.
    for (Change& known : set_.changes)
      if (known.path == path) {
        if (known.problem.empty()) known.problem = why;
        return;
      }
    add(std::move(change));
  }

  // Where the sandbox has its own range of ids, its files have the number that stands for the host's owner; of other
  // owners it is not known which numbers they have inside.
  bool has_owner_of(const Entry& before, const Entry& after) const {
    auto same = [](uint32_t lower_id, uint32_t upper_id, uint32_t lower_root, uint32_t upper_root) {
      if (lower_root == upper_root) return lower_id == upper_id;
      return lower_id != lower_root || upper_id == upper_root;
    };
    return same(before.uid, after.uid, lower_root_.uid, upper_root_.uid) &&
           same(before.gid, after.gid, lower_root_.gid, upper_root_.gid);
  }

  const Tree& lower_;
  const Tree& upper_;
  const Baseline& baseline_;
  bool everything_;
  Entry lower_root_{};
  Entry upper_root_{};
  ChangeSet set_;
};

}  // namespace

bool is_whiteout(const Tree& upper, std::string_view path, const Entry& entry) {
  if (entry.whiteout) return true;
  if (entry.type != FileType::regular || entry.size != 0) return false;
  auto fd = upper.open_file(path, O_RDONLY | O_NONBLOCK);
  return fd && (::fgetxattr(fd->get(), "user.overlay.whiteout", nullptr, 0) >= 0 ||
                ::fgetxattr(fd->get(), "trusted.overlay.whiteout", nullptr, 0) >= 0);
}

bool is_opaque(const Tree& upper, std::string_view directory) {
  // "x" says that the directory contains whiteouts kept as attributes; it hides nothing.
  return upper.attribute(directory, "user.overlay.opaque") == "y" ||
         upper.attribute(directory, "trusted.overlay.opaque") == "y";
}

void judge(Change& change) {
  Verdict verdict = classify_path(change.path);
  change.hazard = verdict.hazard;
  change.hazard_reason = verdict.reason;
  bool new_link =
      change.after && change.after->type == FileType::symlink && change.target_after != change.target_before;
  if (new_link && leads_out(change.path, change.target_after)) {
    change.hazard = core::Hazard::held;
    change.hazard_reason = "the link points out of the workspace";
  }
  auto runnable = [](const std::optional<Entry>& entry) {
    return entry && entry->type == FileType::regular && (entry->mode & 0111) != 0;
  };
  if (runnable(change.after) && !runnable(change.before) && change.hazard == core::Hazard::none) {
    change.hazard = core::Hazard::notice;
    change.hazard_reason = "made executable";
  }
}

Result<ChangeSet> find_changes(const Tree& lower, const Tree& upper, const Baseline& baseline, Scope scope) {
  Walk walk(lower, upper, baseline, scope);
  HV_TRY_CONTEXT(walk.directory("", true), "read the sandbox's changes");
  return walk.finish();
}

Result<ChangeSet> find_changes(const Opened& places, const Baseline& baseline) {
  ChangeSet set = HV_TRY(find_changes(places.host, places.upper, baseline));
  hold_what_git_reaches(places, set.changes);
  find_renames(places.host, places.upper, set.changes);
  return set;
}

}  // namespace hv::workspace
