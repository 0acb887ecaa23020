#include "images/home.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/json.h"
#include "base/random.h"
#include "base/remove_tree.h"
#include "base/text.h"
#include "images/home_copy.h"
#include "images/host_view.h"

namespace hv::images {

namespace {

namespace json = base::json;
using base::format;

std::string about_file(const std::string& directory) {
  return directory + "/home.json";
}

base::Result<std::vector<std::string>> fill(const AgentProfile& agent, const std::string& home,
                                            std::string_view host_home) {
  HV_TRY(base::make_directories(home, 0700));
  return copy_configuration(host_home, home, agent.copy);
}

constexpr int kDeepestCounted = 64;

uint64_t bytes_below(const std::string& directory) {
  uint64_t blocks = 0;
  std::error_code error;
  auto options = std::filesystem::directory_options::skip_permission_denied;
  for (std::filesystem::recursive_directory_iterator it(directory, options, error), end; !error && it != end;
       it.increment(error)) {
    // Each level holds a descriptor, and how many there are is an agent's choice.
    if (it.depth() >= kDeepestCounted) it.disable_recursion_pending();
    struct stat about{};
    if (::lstat(it->path().c_str(), &about) == 0) blocks += static_cast<uint64_t>(about.st_blocks);
  }
  return blocks * 512;
}

// Opens the directory `name` below `at`; anything else of that name is removed first.
base::Result<base::Fd> enter(int at, const std::string& name) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    base::Fd there(::openat(at, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (there) return there;
    if ((errno == ENOTDIR || errno == ELOOP) && ::unlinkat(at, name.c_str(), 0) != 0 && errno != ENOENT) break;
    if (::mkdirat(at, name.c_str(), 0755) != 0 && errno != EEXIST) break;
  }
  return base::Failure(base::Error::from_errno(errno, "make a mount point", name));
}

base::Status make_leaf(int at, const std::string& name, const MountPoint& point) {
  if (point.kind == MountPoint::Kind::directory) {
    HV_TRY(enter(at, name));
    return {};
  }
  struct stat about{};
  bool exists = ::fstatat(at, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0;
  if (point.kind == MountPoint::Kind::file) {
    if (exists && S_ISREG(about.st_mode)) return {};
  } else if (exists && S_ISLNK(about.st_mode)) {
    std::string text(point.text.size() + 1, '\0');
    ssize_t length = ::readlinkat(at, name.c_str(), text.data(), text.size());
    if (length == static_cast<ssize_t>(point.text.size()) && text.starts_with(point.text)) return {};
  }
  if (exists && S_ISDIR(about.st_mode)) {
    // A directory of the agent where the host has a file: its content is the agent's own, so it is moved aside, not
    // deleted.
    std::string aside = name + ".before-" + base::to_hex(HV_TRY(base::random_bytes(4)));
    if (::renameat(at, name.c_str(), at, aside.c_str()) != 0)
      return base::Failure(base::Error::from_errno(errno, "move aside", name));
  } else if (exists && ::unlinkat(at, name.c_str(), 0) != 0) {
    return base::Failure(base::Error::from_errno(errno, "remove", name));
  }
  if (point.kind == MountPoint::Kind::link) {
    if (::symlinkat(point.text.c_str(), at, name.c_str()) != 0)
      return base::Failure(base::Error::from_errno(errno, "make the link", name));
    return {};
  }
  base::Fd made(::openat(at, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!made) return base::Failure(base::Error::from_errno(errno, "make a mount point", name));
  return {};
}

}  // namespace

std::string HomeStore::key_for(std::string_view agent, std::string_view project) {
  base::Digest digest = base::sha256({agent, std::string_view("\0", 1), project});
  return std::string(agent) + "-" + base::to_hex(base::as_view(digest).substr(0, 8));
}

base::Result<Home> HomeStore::open(const AgentProfile& agent, std::string_view project,
                                   std::string_view host_home) const {
  Home home;
  home.key = key_for(agent.name, project);
  std::string directory = directory_ + "/" + home.key;
  home.path = directory + "/home";
  if (!base::path_exists(about_file(directory))) {
    // Filled beside its place, then moved there: a home is whole or absent.
    HV_TRY_CONTEXT(base::make_directories(directory_), "make the sandboxes' homes");
    std::string staging = directory_ + "/." + home.key + "." + base::to_hex(HV_TRY(base::random_bytes(6)));
    home.notes = HV_TRY(fill(agent, staging + "/home", host_home));
    json::Object about;
    about["version"] = 1;
    about["agent"] = agent.name;
    about["project"] = std::string(project);
    HV_TRY(base::replace_file(about_file(staging), json::serialize(about) + "\n"));
    if (::rename(staging.c_str(), directory.c_str()) == 0) {
      home.created = true;
    } else {
      base::Error error = base::Error::from_errno(errno, "make the sandbox's home", directory);
      HV_TRY(base::remove_tree(staging));
      // Somebody else was first: theirs is as good.
      if (!base::path_exists(about_file(directory))) return base::Failure(std::move(error));
      home.notes.clear();
    }
  }
  if (!base::path_exists(home.path)) HV_TRY(base::make_directories(home.path, 0700));
  ::utimensat(AT_FDCWD, about_file(directory).c_str(), nullptr, 0);
  return home;
}

base::Result<Home> HomeStore::fresh(const AgentProfile& agent, const std::string& directory,
                                    std::string_view host_home) {
  Home home;
  home.path = directory;
  // A stopped sandbox that starts again has its own already.
  if (base::path_exists(directory)) return home;
  home.created = true;
  home.notes = HV_TRY(fill(agent, directory, host_home));
  return home;
}

base::Result<std::vector<core::HomeInfo>> HomeStore::list() const {
  std::vector<core::HomeInfo> all;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory_, error), end; !error && it != end; it.increment(error)) {
    std::string directory = it->path().string();
    struct stat about{};
    if (it->path().filename().string().starts_with('.') || ::lstat(about_file(directory).c_str(), &about) != 0)
      continue;
    core::HomeInfo info;
    info.key = it->path().filename().string();
    info.path = directory + "/home";
    info.bytes = bytes_below(info.path);
    info.last_used = base::WallTime(std::chrono::seconds(about.st_mtim.tv_sec));
    if (base::Result<std::string> text = base::read_file(about_file(directory), size_t{1} << 16))
      if (base::Result<json::Value> value = json::parse(*text); value && value->is_object()) {
        if (const json::Value* agent = value->as_object().if_contains("agent"); agent && agent->is_string())
          info.agent = agent->as_string().c_str();
        if (const json::Value* project = value->as_object().if_contains("project"); project && project->is_string())
          info.project = project->as_string().c_str();
      }
    all.push_back(std::move(info));
  }
  std::ranges::sort(all, {}, &core::HomeInfo::key);
  return all;
}

base::Status HomeStore::remove(std::string_view key) const {
  std::vector<std::string> known;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory_, error), end; !error && it != end; it.increment(error))
    if (std::string name = it->path().filename().string(); !name.starts_with('.')) known.push_back(std::move(name));
  if (std::ranges::find(known, key) == known.end()) {
    base::Error missing = base::not_found(format("no home is called '{}'", base::printable(key.substr(0, 80))));
    if (auto near = base::nearest(key, known))
      return base::Failure(std::move(missing).with_hint("did you mean '" + *near + "'?"));
    return base::Failure(std::move(missing).with_hint("`hydravisor home ls` lists them"));
  }
  // Renamed first: a home that is half removed must not be used again.
  std::string directory = directory_ + "/" + std::string(key);
  std::string doomed = directory_ + "/." + std::string(key) + "." + base::to_hex(HV_TRY(base::random_bytes(6)));
  if (::rename(directory.c_str(), doomed.c_str()) != 0)
    return base::Failure(base::Error::from_errno(errno, "remove the home", directory));
  return base::remove_tree(doomed);
}

base::Status prepare_mount_points(const std::string& home, const std::vector<MountPoint>& points) {
  base::Fd top = HV_TRY_CONTEXT(base::open_file(home, O_PATH | O_DIRECTORY | O_NOFOLLOW), "open the sandbox's home");
  for (const MountPoint& point : points) {
    std::vector<std::string> parts = base::split(point.path, '/');
    base::Fd here = HV_TRY(top.duplicate());
    for (size_t i = 0; i + 1 < parts.size(); ++i) here = HV_TRY_CONTEXT(enter(here.get(), parts[i]), point.path);
    HV_TRY_CONTEXT(make_leaf(here.get(), parts.back(), point), point.path);
  }
  return {};
}

}  // namespace hv::images
