#include "service/own_mounts.h"

#include <algorithm>

#include <sys/stat.h>

#include "base/fd.h"
#include "images/plan.h"
#include "workspace/git_layout.h"

namespace hv::service {

using base::Result;

Result<std::vector<core::Mount>> repository_beside(const std::string& workspace, const std::string& directory) {
  std::vector<core::Mount> mounts;
  std::string repository = HV_TRY(workspace::git_layout(workspace)).second_overlay();
  if (repository.empty()) return mounts;
  core::Mount view;
  view.kind = core::Mount::Kind::overlay;
  view.source = view.target = repository;
  view.upper = directory + "/workspace/git-upper";
  view.writable = true;
  for (const char* layer : {"/upper", "/work"}) HV_TRY(base::make_directories(view.upper + layer));
  struct stat about{};
  if (::stat(repository.c_str(), &about) == 0) ::chmod((view.upper + "/upper").c_str(), about.st_mode & 0777);
  mounts.push_back(std::move(view));
  return mounts;
}

void add_probe(std::vector<core::Mount>& mounts, const std::string& programs) {
  core::Mount probe;
  probe.source = programs + "/hydravisor-probe";
  probe.target = "/run/hydravisor/probe";
  probe.optional = true;
  auto run = std::ranges::find(mounts, std::string("/run"), &core::Mount::target);
  mounts.insert(run == mounts.end() ? run : run + 1, std::move(probe));
}

void split_mounts(core::LaunchSpec& spec, std::vector<core::Mount> mounts) {
  auto is_own = [&](const core::Mount& mount) {
    return images::lies_in(mount.source, spec.state_directory) || images::lies_in(mount.upper, spec.state_directory) ||
           (!spec.workspace.empty() && images::lies_in(mount.target, spec.workspace));
  };
  bool shared = true;
  for (core::Mount& mount : mounts) {
    bool is_file = mount.kind == core::Mount::Kind::file;
    // What covers something is this policy's and this project's.
    shared = shared && mount.kind != core::Mount::Kind::cover && (is_file || !is_own(mount));
    (shared && !is_file ? spec.ground.mounts : spec.mounts).push_back(std::move(mount));
  }
}

}  // namespace hv::service
