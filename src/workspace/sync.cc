#include "workspace/sync.h"

#include <algorithm>

#include "workspace/bytes.h"
#include "workspace/changes.h"

namespace hv::workspace {

using base::Fd;
using base::Result;
using base::Status;

SyncVerdict decide_sync(const SyncFacts& facts) {
  if (facts.hidden) return facts.host ? SyncVerdict::conflict : SyncVerdict::current;
  // Directories need no help: what is in them is reported by itself. Special files are left alone.
  if (facts.host && facts.host->type != FileType::regular && facts.host->type != FileType::symlink)
    return SyncVerdict::current;
  if (!facts.inside) return facts.host ? SyncVerdict::bring_in : SyncVerdict::remove;
  if (facts.inside->whiteout) return facts.host ? SyncVerdict::conflict : SyncVerdict::current;
  if (facts.host && facts.same_content) return SyncVerdict::current;
  if (!facts.untouched_inside) return SyncVerdict::conflict;
  return facts.host ? SyncVerdict::bring_in : SyncVerdict::remove;
}

Result<SyncFacts> sync_facts(const Opened& places, const Baseline& baseline, const std::string& path) {
  SyncFacts facts;
  for (std::string_view up = parent_of(path); !up.empty(); up = parent_of(up)) {
    std::optional<Entry> above = HV_TRY(places.upper.stat(up));
    if (above && (above->type != FileType::directory || is_opaque(places.upper, up))) facts.hidden = true;
  }
  facts.host = HV_TRY(places.host.stat(path));
  facts.inside = HV_TRY(places.upper.stat(path));
  if (!facts.inside) return facts;
  if (is_whiteout(places.upper, path, *facts.inside)) facts.inside->whiteout = true;
  facts.untouched_inside = baseline.untouched_inside(path, *facts.inside);
  if (!facts.host || facts.host->type != facts.inside->type) return facts;
  if (facts.host->type == FileType::symlink) {
    std::string outside = HV_TRY(places.host.read_link(path));
    facts.same_content = outside == HV_TRY(places.upper.read_link(path));
  } else if (facts.host->type == FileType::regular && facts.host->size == facts.inside->size) {
    Fd outside = HV_TRY(places.host.open_regular(path));
    Fd inside = HV_TRY(places.upper.open_regular(path));
    facts.same_content = HV_TRY(same_content(outside.get(), inside.get()));
  }
  return facts;
}

// Every file below `directory` that the host changed since the sandbox saw it.
static Status collect(const Opened& places, const Baseline& baseline, const std::string& directory,
                      std::vector<std::string>& paths) {
  auto names = places.host.list(directory);
  if (!names) return {};  // what we may not read the sandbox may not either
  for (const std::string& name : *names) {
    if (name == ".git") continue;
    std::string path = join_path(directory, name);
    if (too_deep(path)) continue;
    std::optional<Entry> entry = HV_TRY(places.host.stat(path));
    if (!entry) continue;
    if (entry->type == FileType::directory) {
      HV_TRY(collect(places, baseline, path, paths));
    } else if (baseline.changed(path, *entry)) {
      paths.push_back(std::move(path));
    }
  }
  return {};
}

Result<SyncPlan> plan_sync(const Opened& places, const std::vector<std::string>& paths) {
  Baseline baseline = HV_TRY(places.baseline());
  std::vector<std::string> all = paths;
  if (all.empty()) HV_TRY(collect(places, baseline, "", all));
  std::ranges::sort(all);
  SyncPlan plan;
  for (const std::string& path : all) {
    HV_TRY(check_relative_path(path));
    SyncFacts facts = HV_TRY(sync_facts(places, baseline, path));
    switch (decide_sync(facts)) {
      case SyncVerdict::current:
        break;
      case SyncVerdict::bring_in:
        plan.bring_in.push_back(path);
        break;
      case SyncVerdict::remove:
        plan.remove.push_back(path);
        break;
      case SyncVerdict::conflict:
        plan.conflicts.push_back({path, "both the host and the sandbox changed it"});
        break;
    }
  }
  return plan;
}

}  // namespace hv::workspace
