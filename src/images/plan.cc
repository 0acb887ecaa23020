#include "images/plan.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "images/binder.h"
#include "images/environment.h"
#include "images/home.h"
#include "images/root.h"

namespace hv::images {

namespace {

using base::Failure;
using base::format;
using core::Mount;

// Where the home lies inside: where the user has it, so that paths written in files agree.
std::string home_inside(const HostView& host) {
  std::string home = absolute_path(host.caller.home, "/");
  // Service accounts have none worth the name.
  if (!host.caller.home.starts_with('/') || home == "/" || home == "/nonexistent" || lies_in(home, "/proc") ||
      lies_in(home, "/dev"))
    return "/home/" + (host.user.empty() ? std::string("user") : host.user);
  return home;
}

std::string shell_inside(const PlanRequest& request, const std::vector<std::string>& systems) {
  std::string root = request.rootfs.value_or(request.host.root);
  std::string wanted(variable(request.host, "SHELL"));
  std::string real = canonical_or_same(wanted);
  bool visible =
      request.rootfs || std::ranges::any_of(systems, [&](const std::string& at) { return lies_in(real, at); });
  if (wanted.starts_with('/') && visible && base::path_exists(root + wanted)) return wanted;
  return base::path_exists(root + "/bin/bash") ? "/bin/bash" : "/bin/sh";
}

std::string expand(const std::string& path, const std::string& home) {
  return path.starts_with("~/") ? home + path.substr(1) : path;
}

// The host as it is told inside. Real root's agent has an ordinary id there: calling it root as well would make two of
// that name.
HostView as_inside(const PlanRequest& request) {
  HostView host = request.host;
  if (host.user.empty() || (host.user == "root" && request.uid != 0)) host.user = "agent";
  return host;
}

class Planner {
 public:
  explicit Planner(const PlanRequest& request)
      : request_(request),
        host_(as_inside(request)),
        systems_(system_directories(request.host)),
        home_(home_inside(host_)),
        real_home_(canonical_or_same(home_)),
        binder_(covered(), real_home_) {}

  base::Result<Plan> make() {
    plan_.home = home_;
    std::string shell = shell_inside(request_, systems_);
    RootRequest root{.host = host_,
                     .cache = request_.cache,
                     .hostname = request_.hostname,
                     .home = home_,
                     .shell = shell,
                     .uid = request_.uid,
                     .gid = request_.gid,
                     .tmp_bytes = request_.tmp_bytes};
    if (request_.rootfs) {
      tools_.path = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};
      tools_.path.insert(tools_.path.begin(), home_ + "/.local/bin");
      plan_.command.arguments = request_.command;
    } else {
      HV_TRY(find_tools());
    }
    (void)binder_.follow(home_);
    if (!request_.workspace.empty()) (void)binder_.follow(host_.caller.directory);
    HV_TRY(grant());
    std::vector<Mount> bound = binder_.mounts();
    // What lies in the project comes with it.
    std::erase_if(bound, [&](const Mount& mount) {
      return !request_.workspace.empty() && lies_in(mount.target, request_.workspace);
    });
    plan_.mounts = request_.rootfs
                       ? HV_TRY(rootfs_mounts(root, *request_.rootfs, request_.state_directory, places(bound)))
                       : HV_TRY(host_root_mounts(root));
    HV_TRY(add_home(bound));
    for (Mount& mount : bound) {
      bool in_home = mount.kind == Mount::Kind::symlink && lies_in(mount.target, real_home_);
      if (!in_home && std::ranges::find(plan_.mounts, mount.target, &Mount::target) == plan_.mounts.end())
        plan_.mounts.push_back(std::move(mount));
    }
    HV_TRY(mask());
    HV_TRY(add_workspace());
    HV_TRY(apply_path_rules());
    EnvironmentRequest environment{.path = tools_.path,
                                   .tools = tools_.environment,
                                   .pass = request_.pass,
                                   .set = request_.agent.set,
                                   .home = home_,
                                   .shell = shell};
    environment.pass.insert(environment.pass.end(), request_.agent.pass.begin(), request_.agent.pass.end());
    environment.set.insert(environment.set.end(), request_.set.begin(), request_.set.end());
    plan_.command.environment = make_environment(host_, environment);
    plan_.command.directory = directory();
    plan_.command.umask = host_.caller.umask;
    for (const LeftOut& left : tools_.left_out)
      plan_.notes.push_back(
          format("{} is not visible inside: {}", base::printable(left.path), base::printable(left.reason)));
    return std::move(plan_);
  }

 private:
  std::vector<std::string> covered() const { return request_.rootfs ? std::vector<std::string>{} : systems_; }

  base::Status find_tools() {
    std::string command = request_.command.empty() ? std::string() : request_.command[0];
    ToolchainCache none;
    ToolchainCache& cache = request_.tools != nullptr ? *request_.tools : none;
    FoundTools found_tools = cache.find(host_, command, request_.workspace, covered(), real_home_);
    tools_ = std::move(found_tools.toolchain);
    binder_ = std::move(found_tools.binder);
    plan_.command.arguments = request_.command;
    if (command.empty()) return {};
    if (tools_.program.empty()) {
      // The agent may have installed it into its own home, or written it into its copy of the project, which the host
      // does not see.
      if (is_inside_only(command)) return {};
      base::Result<std::string> found = find_command(host_, command);
      return Failure(found ? base::internal_error("the command was there a moment ago") : std::move(found).error());
    }
    std::string real = canonical_or_same(tools_.program);
    bool visible = binder_.covers(real) || (!request_.workspace.empty() && lies_in(real, request_.workspace));
    if (!visible && !is_granted(real)) return Failure(explain_missing(command, host_, tools_, binder_));
    plan_.command.arguments[0] = tools_.program;
    return {};
  }

  bool is_granted(const std::string& real) const {
    for (const auto* list : {&request_.read, &request_.write})
      for (const std::string& path : *list)
        if (lies_in(real, canonical_or_same(expand(path, real_home_)))) return true;
    return false;
  }

  bool is_inside_only(const std::string& command) const {
    auto is_there = [&](const std::string& inside) {
      if (lies_in(inside, home_) && base::path_exists(request_.home + inside.substr(home_.size()))) return true;
      return !request_.workspace.empty() && lies_in(inside, request_.workspace) && inside != request_.workspace &&
             base::path_exists(request_.state_directory + "/workspace/upper" +
                               inside.substr(request_.workspace.size()));
    };
    if (command.find('/') != std::string::npos) return is_there(absolute_path(command, host_.caller.directory));
    return std::ranges::any_of(tools_.path, [&](const std::string& at) { return is_there(at + "/" + command); });
  }

  base::Status grant() {
    if (!request_.workspace.empty()) written_.push_back(request_.workspace);
    for (const std::string& pattern : request_.write)
      for (const std::string& path : HV_TRY(expand_grant(expand(pattern, home_))))
        written_.push_back(canonical_or_same(path));
    for (bool writable : {false, true})
      for (const std::string& pattern : writable ? request_.write : request_.read)
        for (const std::string& path : HV_TRY(expand_grant(expand(pattern, home_)))) HV_TRY(grant_path(path, writable));
    return {};
  }

  // Everything that would be seen or changed through a grant and is none of its business.
  base::Status refuse_above(const std::string& canonical, const std::string& path) const {
    auto refuse = [&](const std::string& what, const std::string& name) {
      return Failure(
          base::invalid_argument(format("bind {}: it holds {}, {}", base::printable(path), what, base::printable(name)))
              .with_hint("name what is needed in it"));
    };
    if (!request_.workspace.empty() && canonical != request_.workspace && lies_in(request_.workspace, canonical))
      return refuse("the workspace", request_.workspace);
    for (const std::string& own : request_.own_directories) {
      std::string real = canonical_or_same(own);
      if (lies_in(real, canonical)) return refuse("Hydravisor's own files", real);
      if (lies_in(canonical, real))
        return Failure(
            base::invalid_argument(format("bind {}: it belongs to Hydravisor itself", base::printable(path))));
    }
    return {};
  }

  // Where an agent writes it makes links too: one that is followed by the next start would show whatever it named.
  base::Status refuse_links_of_agents(const std::string& path) {
    std::vector<std::string> links;
    base::Result<std::string> leads_to = binder_.follow(path, &links);
    for (const std::string& link : links)
      for (const std::string& place : written_) {
        if (link == place || !lies_in(link, place)) continue;
        return Failure(base::invalid_argument(format("bind {}: {} is a link, in a place where an agent may write",
                                                     base::printable(path), base::printable(link)))
                           .with_hint(leads_to ? format("grant what it leads to by its own name, if that is meant: {}",
                                                        base::printable(*leads_to))
                                               : "remove the link"));
      }
    return {};
  }

  base::Status grant_path(const std::string& path, bool writable) {
    HV_TRY(refuse_links_of_agents(path));
    base::Result<std::string> granted = binder_.grant(path, writable);
    if (granted) {
      granted_.push_back(*granted);
      return refuse_above(*granted, path);
    }
    // A policy is shared between machines: what this one lacks is told, not refused.
    if (granted.error().os_error() == ENOENT || granted.error().os_error() == EACCES)
      plan_.notes.push_back(format("{} of the policy is not on this machine", base::printable(path)));
    else
      // Not `denied`, which is for a command that cannot be executed.
      return Failure(base::invalid_argument(format("bind {}: {}", base::printable(path), granted.error().message()))
                         .with_hint(granted.error().hint()));
    return {};
  }

  // Last, since it is about all that lies there by then.
  base::Status apply_path_rules() {
    if (request_.paths.empty()) return {};
    PathSurroundings around;
    around.home = real_home_;
    if (request_.mode != core::WorkspaceMode::none) around.workspace = request_.workspace;
    around.granted = granted_;
    around.directories_of_programs = tools_.path;
    for (std::string_view directory : {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"})
      around.directories_of_programs.emplace_back(directory);
    PathSearch at_once(InsideView::Bounds{});
    PathSearch& search = request_.search != nullptr ? *request_.search : at_once;
    if (request_.paths.restrict_exec)
      plan_.executable = HV_TRY(executables_of(request_.paths, around, plan_.mounts, search));
    std::vector<Mount> covers = HV_TRY(covers_of(request_.paths, around, plan_.mounts, search));
    std::ranges::move(covers, std::back_inserter(plan_.mounts));
    return {};
  }

  // Everything that will be mounted below the home or a root file system's directories.
  std::vector<std::string> places(const std::vector<Mount>& bound) const {
    std::vector<std::string> all{real_home_};
    for (const Mount& mount : bound)
      if (mount.kind == Mount::Kind::bind && !lies_in(mount.target, real_home_)) all.push_back(mount.target);
    if (!request_.workspace.empty()) all.push_back(request_.workspace);
    return all;
  }

  base::Status add_home(const std::vector<Mount>& bound) {
    Mount home;
    home.source = request_.home;
    home.target = real_home_;
    home.writable = true;
    plan_.mounts.push_back(home);
    std::vector<MountPoint> points;
    std::vector<std::string> binds;
    auto add = [&](const std::string& place, MountPoint::Kind kind, std::string text) {
      if (place == real_home_ || !lies_in(place, real_home_)) return;
      // Below another bind the place is there already: it is the host's own.
      if (std::ranges::any_of(binds, [&](const std::string& above) { return lies_in(place, above); })) return;
      points.push_back({place.substr(real_home_.size() + 1), kind, std::move(text)});
    };
    for (const Mount& mount : bound) {
      if (mount.kind == Mount::Kind::symlink) {
        add(mount.target, MountPoint::Kind::link, mount.content);
        continue;
      }
      struct stat about{};
      bool is_directory = ::stat(mount.source.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
      add(mount.target, is_directory ? MountPoint::Kind::directory : MountPoint::Kind::file, {});
      binds.push_back(mount.target);
    }
    if (!request_.workspace.empty()) {
      add(request_.workspace, MountPoint::Kind::directory, {});
      binds.push_back(request_.workspace);
    }
    for (const Mount& mount : request_.over_workspace)
      if (mount.kind == Mount::Kind::bind || mount.kind == Mount::Kind::overlay) {
        struct stat about{};
        bool is_file = ::stat(mount.source.c_str(), &about) == 0 && !S_ISDIR(about.st_mode);
        add(mount.target, is_file ? MountPoint::Kind::file : MountPoint::Kind::directory, {});
        binds.push_back(mount.target);
      }
    return prepare_mount_points(request_.home, points);
  }

  // A file in a read-only bind is hidden by an empty one: the bind cannot be written, so the empty file lies in the
  // cache.
  base::Status mask() {
    if (tools_.masked.empty()) return {};
    HV_TRY(base::make_directories(request_.cache));
    std::string empty = request_.cache + "/empty";
    if (!base::path_exists(empty)) HV_TRY(base::replace_file(empty, "", 0444));
    for (const std::string& file : tools_.masked) {
      Mount mount;
      mount.source = empty;
      mount.target = file;
      plan_.mounts.push_back(std::move(mount));
    }
    return {};
  }

  base::Status add_workspace() {
    if (!request_.workspace.empty() && request_.mode != core::WorkspaceMode::none) {
      Mount mount;
      mount.source = request_.workspace;
      mount.target = request_.workspace;
      mount.writable = request_.mode != core::WorkspaceMode::ro;
      if (request_.mode == core::WorkspaceMode::cow) {
        mount.kind = Mount::Kind::overlay;
        mount.upper = request_.state_directory + "/workspace";
        HV_TRY(base::make_directories(mount.upper + "/upper", 0755));
        HV_TRY(base::make_directories(mount.upper + "/work", 0700));
        // The top of the upper directory is what the merged one shows as its mode.
        struct stat about{};
        if (::stat(request_.workspace.c_str(), &about) == 0)
          ::chmod((mount.upper + "/upper").c_str(), about.st_mode & 0777);
      }
      plan_.mounts.push_back(std::move(mount));
    }
    plan_.mounts.insert(plan_.mounts.end(), request_.over_workspace.begin(), request_.over_workspace.end());
    return {};
  }

  std::string directory() const {
    bool has_workspace = !request_.workspace.empty() && request_.mode != core::WorkspaceMode::none;
    if (!request_.directory.empty())
      return absolute_path(request_.directory, has_workspace ? request_.workspace : home_);
    std::string here = absolute_path(host_.caller.directory, "/");
    if (has_workspace && lies_in(canonical_or_same(here), request_.workspace)) return here;
    return has_workspace ? request_.workspace : home_;
  }

  const PlanRequest& request_;
  HostView host_;
  std::vector<std::string> systems_;
  std::string home_;
  std::string real_home_;
  Binder binder_;
  Toolchain tools_;
  std::vector<std::string> granted_;
  std::vector<std::string> written_;  // canonical: the workspace, and what is granted to write  // canonical
  Plan plan_;
};

}  // namespace

base::Result<Plan> make_plan(const PlanRequest& request) {
  return Planner(request).make();
}

}  // namespace hv::images
