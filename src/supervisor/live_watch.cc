#include "supervisor/live_watch.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "base/text.h"
#include "workspace/bytes.h"

namespace hv::supervisor {

namespace {

// As many links as the kernel itself follows in one path.
constexpr int kMostLinks = 40;

bool lies_in(const std::string& path, const std::string& directory) {
  return path == directory || (path.starts_with(directory) && path[directory.size()] == '/');
}

void push_components(std::deque<std::string>& pending, std::string_view path) {
  std::vector<std::string> parts = base::split(path, '/');
  pending.insert(pending.begin(), parts.begin(), parts.end());
}

void go_up(std::string& path) {
  size_t slash = path.rfind('/');
  path.resize(slash == std::string::npos ? 0 : slash);
}

}  // namespace

std::vector<std::string> places_named(const std::string& workspace, const workspace::Tree& tree,
                                      std::string_view claimed) {
  std::vector<std::string> places;
  std::deque<std::string> pending;
  push_components(pending, claimed);
  std::string at;  // absolute, "" for the root
  int links = 0;
  while (!pending.empty()) {
    std::string part = std::move(pending.front());
    pending.pop_front();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      go_up(at);
      continue;
    }
    at += "/" + part;
    if (at == workspace || !lies_in(at, workspace)) continue;
    std::string relative = at.substr(workspace.size() + 1);
    auto entry = tree.stat(relative);
    if (!entry || !*entry || (*entry)->type != workspace::FileType::symlink) continue;
    places.push_back(relative);
    auto target = tree.read_link(relative);
    if (!target || ++links > kMostLinks) return places;
    if (target->starts_with('/')) {
      at.clear();
    } else {
      go_up(at);
    }
    push_components(pending, *target);
  }
  if (at != workspace && lies_in(at, workspace)) places.push_back(at.substr(workspace.size() + 1));
  return places;
}

base::Result<LiveWatch> LiveWatch::open(const std::string& workspace, const std::string& records) {
  workspace::Tree tree = HV_TRY_CONTEXT(workspace::Tree::open(workspace), "open the live workspace");
  auto store = HV_TRY_CONTEXT(workspace::PreimageStore::open(std::move(tree), records + "/preimages"),
                              "make room for what the agent overwrites");
  return LiveWatch(workspace, std::move(store));
}

base::Status LiveWatch::before(const monitor::WriteIntent& intent) {
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
  for (const std::string& path : intent.paths) {
    if (!path.starts_with('/')) continue;
    for (const std::string& place : places_named(workspace_, store_.workspace(), path))
      note(store_.keep(place, extent));
  }
  if (failed) return base::Failure(*std::move(failed));
  return {};
}

}  // namespace hv::supervisor
