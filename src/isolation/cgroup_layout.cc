#include "isolation/cgroup_layout.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::isolation {
namespace {

struct Hierarchy {
  std::string mount_point;
  std::string root;  // the cgroup that is mounted there: not "/" in some containers
  std::vector<std::string> controllers;
  bool unified = false;
  bool read_only = false;
};

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// mountinfo writes blanks and backslashes as octal escapes.
std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<Hierarchy> parse_mountinfo(std::string_view text) {
  std::vector<Hierarchy> hierarchies;
  for (const std::string& line : base::split(text, '\n')) {
    std::vector<std::string> fields = base::split(line, ' ');
    auto dash = std::ranges::find(fields, "-");
    if (fields.size() < 6 || fields.end() - dash < 4) continue;
    const std::string& type = dash[1];
    if (type != "cgroup" && type != "cgroup2") continue;
    hierarchies.push_back({.mount_point = unescape(fields[4]),
                           .root = unescape(fields[3]),
                           .controllers = base::split(dash[3], ','),
                           .unified = type == "cgroup2",
                           .read_only = contains(base::split(fields[5], ','), "ro")});
  }
  return hierarchies;
}

// The path of the caller's cgroup in the hierarchy of `controller` ("" is version 2), as /proc/self/cgroup has it.
std::string own_cgroup(std::string_view text, std::string_view controller) {
  for (const std::string& line : base::split(text, '\n')) {
    size_t first = line.find(':');
    size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : contains(base::split(names, ','), controller))
      return line.substr(second + 1);
  }
  return {};
}

bool writable_directory(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
         ::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

// Where the own cgroup lies in the file system, empty when the mount does not show it.
std::string own_directory(const Hierarchy& hierarchy, const std::string& own) {
  if (own.empty()) return {};
  if (hierarchy.root == "/") return hierarchy.mount_point + (own == "/" ? "" : own);
  if (own.starts_with(hierarchy.root)) return hierarchy.mount_point + own.substr(hierarchy.root.size());
  return own == "/" ? hierarchy.mount_point : std::string();
}

std::vector<std::string> candidates(const Hierarchy& hierarchy, const CgroupSources& sources, const std::string& own) {
  std::vector<std::string> paths;
  if (hierarchy.unified && !sources.delegated.empty()) paths.push_back(sources.delegated);
  if (sources.uid == 0) {
    std::string top = hierarchy.mount_point + "/hydravisor";
    if (!hierarchy.read_only) ::mkdir(top.c_str(), 0755);  // what stops it shows when it is used
    paths.push_back(std::move(top));
  } else {
    paths.push_back(hierarchy.mount_point + "/hv-user");
  }
  if (std::string directory = own_directory(hierarchy, own); !directory.empty()) paths.push_back(std::move(directory));
  return paths;
}

ControllerParent version_one(const Hierarchy& hierarchy, const std::string& name, const CgroupSources& sources,
                             std::string_view own_text) {
  if (hierarchy.read_only) return {.path = {}, .reason = hierarchy.mount_point + " is mounted read-only"};
  for (const std::string& path : candidates(hierarchy, sources, own_cgroup(own_text, name)))
    if (writable_directory(path)) return {.path = path, .reason = {}};
  return {.path = {},
          .reason = base::format(
              "no cgroup of controller {0} is writable (as root: mkdir {1}/hv-user && chown -R USER {1}/hv-user)", name,
              hierarchy.mount_point)};
}

// Controllers reach a child only when its parent passes them on. Passing one on fails with EBUSY while the parent holds
// processes itself.
bool pass_on(const std::string& parent, const std::string& name, int& error) {
  error = 0;
  auto passed = base::read_file(parent + "/cgroup.subtree_control", 4096);
  if (!passed) {
    error = ENOENT;
    return false;
  }
  while (!passed->empty() && passed->back() == '\n') passed->pop_back();
  if (contains(base::split(*passed, ' '), name)) return true;
  base::Fd file(::open((parent + "/cgroup.subtree_control").c_str(), O_WRONLY | O_CLOEXEC));
  std::string request = "+" + name;
  if (file && ::write(file.get(), request.data(), request.size()) == static_cast<ssize_t>(request.size())) return true;
  error = errno;
  return false;
}

ControllerParent version_two(const Hierarchy& hierarchy, const std::string& name, const CgroupSources& sources,
                             std::string_view own_text) {
  if (hierarchy.read_only)
    return {.path = {}, .reason = hierarchy.mount_point + " is mounted read-only", .unified = true};
  int error = ENOENT;
  for (const std::string& path : candidates(hierarchy, sources, own_cgroup(own_text, ""))) {
    if (!writable_directory(path)) continue;
    if (sources.uid == 0) {
      int above = 0;  // the top of the hierarchy may pass on what it has although processes live in it
      pass_on(hierarchy.mount_point, name, above);
    }
    // The freezer is part of version 2 itself.
    if (name == "freezer" || pass_on(path, name, error)) return {.path = path, .reason = {}, .unified = true};
  }
  std::string reason =
      error == EBUSY
          ? base::format("the cgroup that this process lives in may not pass on {} while it holds processes", name)
          : base::format("no cgroup that is writable has the controller {}", name);
  return {.path = {},
          .reason = reason + " (start the daemon as a systemd user service with Delegate=yes)",
          .unified = true};
}

}  // namespace

CgroupLayout find_cgroup_parents(const CgroupSources& sources) {
  auto mounts = base::read_file(sources.mountinfo);
  auto own = base::read_file(sources.own_cgroups);
  std::vector<Hierarchy> hierarchies = parse_mountinfo(mounts ? *mounts : std::string());
  std::string own_text = own ? *own : std::string();

  auto find = [&](const std::string& name) -> ControllerParent {
    for (const Hierarchy& hierarchy : hierarchies)
      if (!hierarchy.unified && contains(hierarchy.controllers, name))
        return version_one(hierarchy, name, sources, own_text);
    for (const Hierarchy& hierarchy : hierarchies)
      if (hierarchy.unified) return version_two(hierarchy, name == "cpuacct" ? "cpu" : name, sources, own_text);
    return {.path = {}, .reason = base::format("no cgroup hierarchy with the controller {} is mounted", name)};
  };
  return {.memory = find("memory"),
          .pids = find("pids"),
          .cpu = find("cpu"),
          .freezer = find("freezer"),
          .cpuacct = find("cpuacct")};
}

}  // namespace hv::isolation
