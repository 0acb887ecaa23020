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
  if (sources.uid == 0) {
    std::string top = hierarchy.mount_point + "/hydravisor";
    if (!hierarchy.read_only) ::mkdir(top.c_str(), 0755);  // what stops it shows when it is used
    paths.push_back(std::move(top));
  } else {
    paths.push_back(hierarchy.mount_point + "/hv-user");
  }
  std::string directory = own_directory(hierarchy, own);
  if (!directory.empty()) paths.push_back(directory);
  // Version 2: an own cgroup holds us and may not pass controllers on, but one above it can be ours too, as below a
  // user's service manager.
  if (hierarchy.unified && sources.uid != 0) {
    while (directory.size() > hierarchy.mount_point.size()) {
      directory.resize(directory.rfind('/'));
      if (directory.size() > hierarchy.mount_point.size()) paths.push_back(directory);
    }
  }
  return paths;
}

ControllerParent version_one(const Hierarchy& hierarchy, const std::string& name, const CgroupSources& sources,
                             std::string_view own_text) {
  if (hierarchy.read_only) return {.path = {}, .reason = hierarchy.mount_point + " is mounted read-only"};
  for (const std::string& path : candidates(hierarchy, sources, own_cgroup(own_text, name)))
    if (writable_directory(path)) return {.path = path, .reason = {}};
  return {
      .path = {},
      .reason = base::format(
          "no cgroup of controller {0} is writable (as root: mkdir -p {1}/hv-user && chown -R {2} {1}/hv-user; then: "
          "hydravisor daemon stop)",
          name, hierarchy.mount_point, sources.uid)};
}

// Controllers reach a child only when its parent passes them on. Passing one on fails with EBUSY while the parent holds
// processes itself.
bool lists(const std::string& file, const std::string& name) {
  auto words = base::read_file(file, 4096);
  if (!words) return false;
  while (!words->empty() && words->back() == '\n') words->pop_back();
  return contains(base::split(*words, ' '), name);
}

bool pass_on(const std::string& parent, const std::string& name, int& error) {
  error = 0;
  std::string control = parent + "/cgroup.subtree_control";
  if (lists(control, name)) return true;
  if (!lists(parent + "/cgroup.controllers", name)) return false;
  base::Fd file(::open(control.c_str(), O_WRONLY | O_CLOEXEC));
  std::string request = "+" + name;
  if (!file || ::write(file.get(), request.data(), request.size()) < 0) error = errno;
  return error == 0 && lists(control, name);
}

// On version 2 a process is in one cgroup only, so one directory serves all controllers: the first candidate that has
// the most of them.
struct UnifiedParent {
  std::string path;
  std::vector<std::string> controllers;
  std::string reason;
};

UnifiedParent version_two(const Hierarchy& hierarchy, const CgroupSources& sources, std::string_view own_text) {
  UnifiedParent best{.path = {}, .controllers = {}, .reason = "no version 2 cgroup is writable"};
  if (hierarchy.read_only) {
    best.reason = hierarchy.mount_point + " is mounted read-only";
    return best;
  }
  for (const std::string& path : candidates(hierarchy, sources, own_cgroup(own_text, ""))) {
    if (!writable_directory(path)) continue;
    // The freezer is part of version 2 itself.
    std::vector<std::string> controllers{"freezer"};
    bool busy = false;
    for (const char* name : {"memory", "pids", "cpu", "io"}) {
      int error = 0;
      // The top of the hierarchy may pass on what it has although processes live in it.
      if (sources.uid == 0) pass_on(hierarchy.mount_point, name, error);
      if (pass_on(path, name, error)) controllers.emplace_back(name);
      busy = busy || error == EBUSY;
    }
    if (controllers.size() > best.controllers.size()) best = {.path = path, .controllers = controllers, .reason = {}};
    if (busy)
      best.reason = "the cgroup that this process lives in may not pass controllers on while it holds processes";
  }
  if (best.reason.empty()) best.reason = "it is not passed on to " + best.path;
  return best;
}

// Beside hierarchies of version 1, another of them; where there is none at all, version 2.
std::string command_that_mounts(const std::string& controller, bool version_one) {
  if (!version_one) return "as root: mount -t cgroup2 cgroup2 /sys/fs/cgroup";
  return base::format("as root: mkdir -p /sys/fs/cgroup/{0} && mount -t cgroup -o {0} cgroup /sys/fs/cgroup/{0}",
                      controller);
}

// What reached one scope will reach the next.
CgroupLayout beside_scope(const std::string& scope, uid_t uid) {
  std::string slice = scope.substr(0, scope.rfind('/'));
  auto find = [&](const char* name) -> ControllerParent {
    if (name == nullptr || lists(scope + "/cgroup.controllers", name))
      return {.path = slice, .reason = {}, .unified = true};
    if (uid == 0) return {.path = {}, .reason = base::format("systemd has no controller {}", name), .unified = true};
    return {.path = {},
            .reason = base::format(
                "systemd does not pass the controller {0} on to this user, and begins to when the user's manager is "
                "restarted, with all that runs there (as root: mkdir -p "
                "/etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu io memory pids\\n' > "
                "/etc/systemd/system/user@.service.d/hydravisor.conf && systemctl daemon-reload && systemctl restart "
                "user@{1}.service; then: hydravisor daemon stop)",
                name, uid),
            .unified = true};
  };
  // The freezer and the count of processor time are part of version 2 itself.
  return {.scoped = true,
          .memory = find("memory"),
          .pids = find("pids"),
          .cpu = find("cpu"),
          .freezer = find(nullptr),
          .cpuacct = find(nullptr),
          .io = find("io")};
}

std::string way_to_delegation(const CgroupSources& sources) {
  if (sources.uid != 0 && base::path_exists(sources.systemd))
    return base::format(
        "as root: apt-get install dbus-user-session && loginctl enable-linger {}; then: hydravisor daemon stop",
        sources.uid);
  return "start the daemon in a cgroup that is delegated to this user: cgroups(7)";
}

}  // namespace

CgroupLayout find_cgroup_parents(const CgroupSources& sources) {
  auto mounts = base::read_file(sources.mountinfo);
  auto own = base::read_file(sources.own_cgroups);
  std::vector<Hierarchy> hierarchies = parse_mountinfo(mounts ? *mounts : std::string());
  std::string own_text = own ? *own : std::string();

  auto unified = std::ranges::find_if(hierarchies, &Hierarchy::unified);
  bool only_unified = unified != hierarchies.end() && std::ranges::all_of(hierarchies, &Hierarchy::unified);
  if (sources.scope && only_unified) return beside_scope(*sources.scope, sources.uid);
  UnifiedParent shared;
  if (unified != hierarchies.end()) shared = version_two(*unified, sources, own_text);

  auto find = [&](const std::string& name) -> ControllerParent {
    for (const Hierarchy& hierarchy : hierarchies)
      if (!hierarchy.unified && contains(hierarchy.controllers, name))
        return version_one(hierarchy, name, sources, own_text);
    std::string unified_name = name == "blkio" ? "io" : name;
    // Version 2 counts processor time in every cgroup.
    if (name == "cpuacct" ? !shared.path.empty() : contains(shared.controllers, unified_name))
      return {.path = shared.path, .reason = {}, .unified = true};
    // Beside hierarchies of version 1, version 2 has only what they were not given, but for what it does by itself.
    bool by_itself = name == "freezer" || name == "cpuacct";
    bool beside = unified != hierarchies.end() && hierarchies.size() > 1 && !by_itself &&
                  !lists(unified->mount_point + "/cgroup.controllers", unified_name);
    if (unified == hierarchies.end() || beside)
      return {.path = {},
              .reason = base::format("no cgroup hierarchy with the controller {0} is mounted ({1}; then: hydravisor "
                                     "daemon stop)",
                                     name, command_that_mounts(name, !hierarchies.empty()))};
    return {.path = {},
            .reason = base::format("the controller {} is out of reach: {} ({})", unified_name, shared.reason,
                                   way_to_delegation(sources)),
            .unified = true};
  };
  return {.scoped = false,
          .memory = find("memory"),
          .pids = find("pids"),
          .cpu = find("cpu"),
          .freezer = find("freezer"),
          .cpuacct = find("cpuacct"),
          .io = find("blkio")};
}

}  // namespace hv::isolation
