#include "workspace/git_repositories.h"

#include <algorithm>

#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/git_layout.h"

namespace hv::workspace {

using base::Result;
using base::Status;

Result<Repositories> find_repositories(const Places& places, const Opened& opened,
                                       const std::vector<std::string>& inside) {
  Repositories found;
  for (const std::string& name : inside) {
    Repository repository;
    repository.name = name;
    repository.git_dir = repository.common_dir = places.host + "/" + name;
    repository.work_tree = join_path(places.host, parent_of(name));
    if (parent_of(name).empty()) repository.work_tree = places.host;
    repository.upper_root = places.records + "/upper";
    repository.own = repository.common = name;
    repository.inside = {&opened.host, &opened.upper};
    repository.host = {&opened.host, nullptr};
    std::optional<Entry> head = HV_TRY(opened.host.stat(join_path(name, "HEAD")));
    repository.exists = head.has_value();
    // Where the host has something else at this place, a link for example, nothing is made.
    std::optional<Entry> present = HV_TRY(opened.host.stat(name));
    std::optional<Entry> above = HV_TRY(opened.host.stat(parent_of(name)));
    if ((present && present->type != FileType::directory) || (above && above->type != FileType::directory)) continue;
    std::optional<Entry> inner_head = HV_TRY(repository.inside.stat(join_path(name, "HEAD")));
    if (!inner_head) continue;
    found.items.push_back(std::move(repository));
  }
  if (places.git_host.empty()) return found;
  GitLayout layout = HV_TRY(git_layout(places.host));
  std::string upper = places.records + "/git-upper/upper";
  if (layout.second_overlay().empty() || !base::path_exists(upper)) return found;
  found.outside_host = std::make_unique<Tree>(HV_TRY(Tree::open(layout.common_dir)));
  found.outside_upper = std::make_unique<Tree>(HV_TRY(Tree::open(upper)));
  if (HV_TRY(found.outside_upper->list("")).empty()) return found;
  Repository repository;
  repository.name = ".git";
  repository.git_dir = layout.git_dir;
  repository.common_dir = layout.common_dir;
  repository.work_tree = layout.work_tree;
  repository.upper_root = upper;
  if (layout.git_dir.starts_with(layout.common_dir + "/"))
    repository.own = layout.git_dir.substr(layout.common_dir.size() + 1);
  repository.inside = {found.outside_host.get(), found.outside_upper.get()};
  repository.host = {found.outside_host.get(), nullptr};
  found.items.push_back(std::move(repository));
  return found;
}

Status agree_on_refs(const Opened& opened, const Repository& repository, const std::vector<core::RefChange>& moves) {
  HV_TRY(opened.agree({}));
  Baseline::Notes notes;
  auto note = [&](const std::string& directory, const std::string& file) -> Status {
    notes.add(baseline_key(repository, file), HV_TRY(repository.host.stat(join_path(directory, file))));
    return {};
  };
  HV_TRY(note(repository.own, "HEAD"));
  HV_TRY(note(repository.common, "packed-refs"));
  for (const core::RefChange& move : moves)
    if (move.name != "HEAD") HV_TRY(note(repository.common, move.name));
  return notes.append_to(opened.baseline_file());
}

std::vector<std::string> host_alternates(const Places& places) {
  std::vector<std::string> directories;
  std::vector<std::string> queue = {places.host + "/.git/objects"};
  if (!places.git_host.empty()) queue.push_back(places.git_host + "/objects");
  for (size_t at = 0; at < queue.size() && at < 16; ++at) {
    auto text = base::read_file(queue[at] + "/info/alternates", size_t{1} << 20);
    if (!text) continue;
    for (const std::string& line : base::split(*text, '\n')) {
      if (line.empty() || line.starts_with('#')) continue;
      std::string directory = line.starts_with('/') ? line : queue[at] + "/" + line;
      directories.push_back(directory);
      queue.push_back(std::move(directory));
    }
  }
  return directories;
}

}  // namespace hv::workspace
