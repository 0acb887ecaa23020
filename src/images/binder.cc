#include "images/binder.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <deque>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "images/host_view.h"
#include "images/secret_paths.h"

namespace hv::images {

namespace {

constexpr int kMostLinks = 40;  // as the kernel: ELOOP

void prepend(std::deque<std::string>& parts, std::string_view path) {
  std::vector<std::string> more = base::split(path, '/');
  for (auto it = more.rbegin(); it != more.rend(); ++it)
    if (!it->empty() && *it != ".") parts.push_front(*it);
}

}  // namespace

std::string absolute_path(std::string_view path, std::string_view directory) {
  std::string whole = path.starts_with('/') ? std::string(path) : std::string(directory) + "/" + std::string(path);
  std::string out;
  for (const std::string& part : base::split(whole, '/'))
    if (!part.empty() && part != ".") out += "/" + part;
  return out.empty() ? "/" : out;
}

std::string canonical_or_same(std::string_view path) {
  std::string text(path);
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(text.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : text;
}

base::Result<std::string> Binder::follow(std::string_view path, std::vector<std::string>* met) {
  std::deque<std::string> parts;
  prepend(parts, path);
  std::string here;  // canonical; "" is the root
  int links = 0;
  while (!parts.empty()) {
    std::string part = std::move(parts.front());
    parts.pop_front();
    if (part == "..") {
      here = here.empty() ? "" : here.substr(0, here.rfind('/'));
      continue;
    }
    std::string next = here + "/" + part;
    if (plain_.contains(next)) {
      here = std::move(next);
      continue;
    }
    auto about = looks_.link(next);
    if (!about) return base::Failure(base::Error::from_errno(errno, "find", next));
    if (!S_ISLNK(about->st_mode)) {
      plain_.insert(next);
      here = std::move(next);
      continue;
    }
    if (++links > kMostLinks) return base::Failure(base::Error::from_errno(ELOOP, "find", path));
    char text[PATH_MAX];
    ssize_t length = ::readlink(next.c_str(), text, sizeof text);
    if (length <= 0) return base::Failure(base::Error::from_errno(errno, "read the link", next));
    std::string_view target(text, static_cast<size_t>(length));
    links_.emplace(next, target);
    if (met != nullptr) met->push_back(next);
    if (target.starts_with('/')) here.clear();
    prepend(parts, target);
  }
  return here.empty() ? "/" : here;
}

bool Binder::covers(std::string_view canonical) const {
  if (std::ranges::any_of(covered_, [&](const std::string& directory) { return lies_in(canonical, directory); }))
    return true;
  for (std::string_view at = canonical; at != "/"; at = parent_of(at))
    if (binds_.contains(std::string(at))) return true;
  return false;
}

base::Result<std::string> Binder::reach(std::string_view path) {
  std::string canonical = HV_TRY(follow(path));
  // A home below /usr or /opt would come along with them: the sandbox's own home hides it, so it counts as not covered.
  if (covers(canonical) && !lies_in(canonical, home_)) return canonical;
  if (covers(canonical) && binds_.contains(canonical)) return canonical;
  for (std::string_view system : {"/proc", "/sys", "/dev", "/run", "/etc", "/boot"})
    if (lies_in(canonical, system))
      return base::Failure(base::denied(base::format("{} belongs to the system", canonical)));
  if (canonical == "/") return base::Failure(base::denied("/ is never bound as a whole"));
  if (std::string secret = secret_within(canonical, home_); !secret.empty())
    return base::Failure(base::denied(base::format("binding {} would show {}", canonical, secret)));
  looks_.at_content(canonical);
  if (::access(canonical.c_str(), R_OK) != 0 && ::access(canonical.c_str(), X_OK) != 0)
    return base::Failure(base::Error::from_errno(errno, "read", canonical));
  binds_.emplace(canonical, Bind{});
  return canonical;
}

base::Result<std::string> Binder::grant(std::string_view path, bool writable) {
  std::string canonical = HV_TRY(follow(path));
  if (lies_in(home_, canonical))
    return base::Failure(
        base::denied(base::format("{} holds your whole home", canonical)).with_hint("name what is needed in it"));
  for (std::string_view system : {"/proc", "/sys", "/dev", "/run", "/etc"})
    if (lies_in(canonical, system))
      return base::Failure(
          base::denied(base::format("{} leads to {}, which belongs to the sandbox itself", path, canonical)));
  Bind& bind = binds_[canonical];
  bind.writable = bind.writable || writable;
  return canonical;
}

std::vector<core::Mount> Binder::mounts() const {
  std::vector<core::Mount> all;
  auto below_bind = [&](std::string_view place) {
    if (!lies_in(place, home_) &&
        std::ranges::any_of(covered_, [&](const std::string& directory) { return lies_in(place, directory); }))
      return true;
    for (std::string_view at = parent_of(place); at != "/"; at = parent_of(at))
      if (binds_.contains(std::string(at))) return true;
    return false;
  };
  for (const auto& [place, text] : links_) {
    if (below_bind(place)) continue;
    core::Mount& link = all.emplace_back();
    link.kind = core::Mount::Kind::symlink;
    link.target = place;
    link.content = text;
  }
  // The map's order puts a directory before what lies in it.
  for (const auto& [place, bind] : binds_) {
    if (!bind.writable && below_bind(place)) continue;
    core::Mount& mount = all.emplace_back();
    mount.kind = core::Mount::Kind::bind;
    mount.source = place;
    mount.target = place;
    mount.writable = bind.writable;
  }
  return all;
}

}  // namespace hv::images
