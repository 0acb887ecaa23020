// The walk that compares an overlay's upper directory with the host's directory below it and lists what apply could
// bring over.
//
// What equals the host's present file (type, bytes, permission bits) is not a change, so that an applied file leaves
// the list by itself. A
// `.git` below the root is not compared as files: its path goes to `repositories` (git_changes.h), and only what the
// host would run from it is listed here.
#pragma once

#include <string>
#include <vector>

#include "workspace/baseline.h"
#include "workspace/change.h"
#include "workspace/places.h"

namespace hv::workspace {

struct ChangeSet {
  std::vector<Change> changes;            // sorted by path, as bytes
  std::vector<std::string> repositories;  // `.git` directories in which the sandbox wrote, as paths of the workspace
};

// What a walk lists: what apply could bring over, or all that the sandbox did: repositories' files as well, owners and
// set-id bits, without judging what the host would do with it.
enum class Scope { applicable, everything };

// Fails only when a root cannot be read; a place that cannot be read below it is listed as a change with a `problem`.
base::Result<ChangeSet> find_changes(const Tree& lower, const Tree& upper, const Baseline& baseline,
                                     Scope scope = Scope::applicable);
// The same with all that is to be said of the changes: what git on the host would run is held, and what moved is shown
// as moved.
base::Result<ChangeSet> find_changes(const Opened& places, const Baseline& baseline);

// The marks overlayfs leaves in an upper directory.
bool is_whiteout(const Tree& upper, std::string_view path, const Entry& entry);
bool is_opaque(const Tree& upper, std::string_view directory);

// Fills hazard and its reason from path, kind and both sides.
void judge(Change& change);

// Marks added files that have the content of deleted ones (`old_path`), each deleted one used once: by equal bytes
// first, then, below a bound of candidates, by lines in common.
void find_renames(const Tree& lower, const Tree& upper, std::vector<Change>& changes);

}  // namespace hv::workspace
