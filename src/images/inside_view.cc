#include "images/inside_view.h"

#include <algorithm>
#include <climits>
#include <deque>
#include <ranges>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "core/glob_index.h"
#include "images/host_view.h"

namespace hv::images {

namespace {

using core::Mount;

constexpr int kMostLinks = 40;

std::string joined(const std::vector<std::string_view>& names) {
  std::string path;
  for (std::string_view name : names) path.append("/").append(name);
  return path.empty() ? "/" : path;
}

std::optional<std::string> read_link(const std::string& path) {
  char text[PATH_MAX];
  ssize_t length = ::readlink(path.c_str(), text, sizeof text);
  if (length <= 0) return std::nullopt;
  return std::string(text, static_cast<size_t>(length));
}

}  // namespace

struct InsideView::Place {
  std::string host;
  const Mount* mount = nullptr;  // the one that lies over the path; null: none
};

InsideView::Place InsideView::place_of(std::string_view inside) const {
  for (const Mount& mount : std::views::reverse(mounts_)) {
    if (!lies_in(inside, mount.target)) continue;
    bool shows_host = mount.kind == Mount::Kind::bind || mount.kind == Mount::Kind::overlay;
    // A link or a file is no directory: what is below it comes from elsewhere.
    if (!shows_host && mount.kind != Mount::Kind::tmpfs && mount.target != inside) continue;
    if (!shows_host) return {{}, &mount};
    return {mount.source + std::string(inside.substr(mount.target == "/" ? 0 : mount.target.size())), &mount};
  }
  return {};
}

std::optional<std::string> InsideView::host_path(std::string_view inside) const {
  Place place = place_of(inside);
  if (place.host.empty()) return std::nullopt;
  return place.host;
}

std::optional<std::string> InsideView::canonical(std::string_view inside) const {
  std::deque<std::string> rest;
  auto prepend = [&](std::string_view path) {
    std::vector<std::string> parts = base::split(path, '/');
    for (auto it = parts.rbegin(); it != parts.rend(); ++it)
      if (!it->empty() && *it != ".") rest.push_front(*it);
  };
  prepend(inside);
  std::string here;
  for (int links = 0; !rest.empty();) {
    std::string part = std::move(rest.front());
    rest.pop_front();
    if (part == "..") {
      here = here.empty() ? "" : here.substr(0, here.rfind('/'));
      continue;
    }
    std::string next = here + "/" + part;
    Place place = place_of(next);
    std::optional<std::string> link;
    if (place.mount != nullptr && place.mount->kind == Mount::Kind::symlink && place.mount->target == next)
      link = place.mount->content;
    else if (!place.host.empty())
      link = read_link(place.host);
    if (!link) {
      here = std::move(next);
      continue;
    }
    if (++links > kMostLinks) return std::nullopt;
    if (link->starts_with('/')) here.clear();
    prepend(*link);
  }
  if (here.empty()) return "/";
  Place place = place_of(here);
  struct stat about{};
  if (!place.host.empty() && ::lstat(place.host.c_str(), &about) != 0) return std::nullopt;
  return here;
}

base::Result<std::vector<InsideView::Found>> InsideView::find(const std::vector<core::Glob>& patterns,
                                                              const std::vector<std::string>& directories,
                                                              const Bounds& bounds) const {
  core::GlobIndex index(patterns);
  std::set<Found> found;
  size_t looked = 0;
  size_t bytes = 0;
  auto end = std::chrono::steady_clock::now() + bounds.time;
  // The clock is asked now and then: it costs as much as an entry.
  auto is_too_much = [&] {
    return ++looked > bounds.entries || bytes > bounds.bytes ||
           (looked % 256 == 0 && std::chrono::steady_clock::now() > end);
  };
  auto take = [&](const std::string& path) {
    std::optional<std::string> real = canonical(path);
    std::optional<std::string> host = real ? host_path(*real) : std::nullopt;
    struct stat about{};
    if (!host || ::stat(host->c_str(), &about) != 0) return false;
    found.insert({*real, S_ISDIR(about.st_mode), path});
    return true;
  };
  std::deque<std::string> waiting(directories.begin(), directories.end());
  std::set<std::string> walked;
  while (!waiting.empty()) {
    std::string directory = std::move(waiting.front());
    waiting.pop_front();
    if (!walked.insert(directory).second) continue;
    std::optional<std::string> host = host_path(directory);
    if (!host) continue;
    std::vector<std::string_view> names = core::names_of_path(directory);
    if (index.any_matches(names)) {
      take(directory);
      continue;
    }
    base::Fd opened(::open(host->c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!opened) continue;  // what we cannot read, the agent, who has no more rights, cannot either
    DIR* stream = ::fdopendir(opened.release());
    if (stream == nullptr) continue;
    while (const dirent* entry = ::readdir(stream)) {
      std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (is_too_much()) {
        ::closedir(stream);
        return base::Failure(
            base::unavailable(base::format("too much to look through below {}: {} files, {} MiB of names, or more than "
                                           "{} seconds",
                                           base::printable(directories.front()), bounds.entries, bounds.bytes >> 20U,
                                           bounds.time.count() / 1000))
                .with_hint(
                    "name the directory in the pattern, as in \"config/*.pem\", instead of a name at any depth"));
      }
      names.push_back(name);
      auto could = [&](const core::Glob& pattern) { return pattern.could_match_below(names); };
      bool is_match = index.any_matches(names);
      if (is_match) take(joined(names));
      struct stat about{};
      bool is_directory = entry->d_type == DT_DIR;
      if (entry->d_type == DT_UNKNOWN)
        is_directory =
            ::fstatat(::dirfd(stream), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode);
      if (is_directory && !is_match && std::ranges::any_of(patterns, could)) {
        waiting.push_back(joined(names));
        bytes += 2 * waiting.back().size();
      }
      names.pop_back();
    }
    ::closedir(stream);
  }
  for (const core::Glob& pattern : patterns)
    if (pattern.is_literal()) take(pattern.fixed_directory());
  return std::vector<Found>(found.begin(), found.end());
}

}  // namespace hv::images
