#include "workspace/links.h"

#include <deque>
#include <utility>

#include "base/text.h"

namespace hv::workspace {

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

std::vector<std::string> places_on_the_way(const std::string& workspace, const LinkReader& read,
                                           std::string_view path) {
  std::vector<std::string> places;
  std::deque<std::string> pending;
  push_components(pending, path);
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
    std::optional<std::string> target = read(at);
    if (!target) continue;
    if (at != workspace && lies_in(at, workspace)) places.push_back(at.substr(workspace.size() + 1));
    if (++links > kMostLinks) return places;
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

}  // namespace hv::workspace
