#include "workspace/places.h"

#include "workspace/bytes.h"

namespace hv::workspace {

base::Result<Opened> Opened::at(const std::string& host, const std::string& records) {
  return Opened{HV_TRY_CONTEXT(Tree::open(host), "open the workspace"),
                HV_TRY_CONTEXT(Tree::open(records + "/upper"), "open the sandbox's changes"), records, host};
}

base::Status Opened::agree(const std::set<std::string>& paths, const std::set<std::string>& same) const {
  // Without a beginning of its own the baseline is the upper directory's age, which a record must not replace.
  if (!base::path_exists(baseline_file())) {
    Entry root = HV_TRY(stat_fd(upper.root()));
    HV_TRY(base::write_file_atomically(baseline_file(), Baseline::heading_for(root.btime)));
  }
  std::set<std::string> all = paths;
  for (const std::string& path : paths) all.insert(std::string(parent_of(path)));
  Baseline::Notes notes;
  for (const std::string& path : all) {
    std::optional<Entry> inside;
    if (same.contains(path)) inside = HV_TRY(upper.stat(path));
    notes.add(path, HV_TRY(host.stat(path)), inside);
  }
  return notes.append_to(baseline_file());
}

}  // namespace hv::workspace
