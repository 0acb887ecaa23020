#include "supervisor/live_watch.h"

#include <optional>
#include <utility>

#include "workspace/links.h"

namespace hv::supervisor {

base::Result<LiveWatch> LiveWatch::open(const std::string& workspace, const std::string& records) {
  workspace::Tree tree = HV_TRY_CONTEXT(workspace::Tree::open(workspace), "open the live workspace");
  auto store = HV_TRY_CONTEXT(workspace::PreimageStore::open(std::move(tree), records + "/preimages"),
                              "make room for what the agent overwrites");
  return LiveWatch(workspace, std::move(store));
}

base::Status LiveWatch::before(const monitor::WriteIntent& intent, const workspace::LinkReader& links) {
  using workspace::PreimageStore;
  std::optional<base::Error> failed;
  auto note = [&](const base::Status& status) {
    if (!status && !failed) failed = status.error();
  };
  // An undo while the agent runs forgets; what is overwritten from then on is kept anew.
  note(store_.refresh());
  // Only a rename takes along what lies below a directory.
  auto extent =
      intent.call.starts_with("rename") ? PreimageStore::Extent::with_contents : PreimageStore::Extent::itself;
  auto read = [&](const std::string& at) -> std::optional<std::string> {
    if (!at.starts_with(workspace_ + "/")) return links(at);
    std::string relative = at.substr(workspace_.size() + 1);
    auto entry = store_.workspace().stat(relative);
    if (!entry || !*entry || (*entry)->type != workspace::FileType::symlink) return std::nullopt;
    auto target = store_.workspace().read_link(relative);
    return target ? std::optional(*target) : std::nullopt;
  };
  for (const std::string& path : intent.paths) {
    if (!path.starts_with('/')) {
      note(base::Failure(base::unavailable("keep what a program is about to change: it does not let itself be read")));
      continue;
    }
    for (const std::string& place : workspace::places_on_the_way(workspace_, read, path))
      note(store_.keep(place, extent));
  }
  if (failed) return base::Failure(*std::move(failed));
  return {};
}

}  // namespace hv::supervisor
