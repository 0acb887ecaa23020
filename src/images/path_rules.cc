#include "images/path_rules.h"

#include <algorithm>
#include <set>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "images/host_view.h"
#include "images/inside_view.h"
#include "images/interpreter.h"
#include "images/program_loader.h"

namespace hv::images {

namespace {

using base::Result;
using core::Glob;
using core::Mount;

constexpr size_t kMostCovers = 1024;
constexpr size_t kMostGrants = 256;
// What every program that is linked dynamically is started with, for directories whose files are not looked at.
constexpr std::string_view kLoaders[] = {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1",
                                         "/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"};

// Where a pattern's search begins: the directory up to which nothing varies, and every mount below that.
void add_starts(const Glob& placed, const std::vector<Mount>& mounts, std::vector<std::string>& starts) {
  std::string fixed = placed.fixed_directory();
  starts.push_back(fixed);
  for (const Mount& mount : mounts)
    if ((mount.kind == Mount::Kind::bind || mount.kind == Mount::Kind::overlay) && lies_in(mount.target, fixed))
      starts.push_back(mount.target);
}

PathSearch::Question question_of_programs(const std::vector<std::string>& texts, const PathSurroundings& around,
                                          const std::vector<Mount>& mounts) {
  PathSearch::Question search{{}, {}, mounts};
  for (const std::string& text : texts) {
    Result<Glob> glob = Glob::parse(text);
    if (!glob) continue;  // the policy's parser has refused it
    if (glob->is_name()) {
      for (const std::string& directory : around.directories_of_programs) {
        search.patterns.push_back(glob->in(directory));
        search.directories.push_back(directory);
      }
      continue;
    }
    search.patterns.push_back(glob->placed(around.home, around.workspace));
    add_starts(search.patterns.back(), mounts, search.directories);
  }
  return search;
}

PathSearch::Question question_of_hidden(const PathRules& rules, const PathSurroundings& around,
                                        const std::vector<Mount>& mounts) {
  PathSearch::Question search{{}, {}, mounts};
  std::vector<std::string> shown = around.granted;
  shown.push_back(around.home);
  if (!around.workspace.empty()) shown.push_back(around.workspace);
  for (const std::string& text : rules.hide) {
    Result<Glob> glob = Glob::parse(text);
    if (!glob || (around.workspace.empty() && !glob->is_name() && !glob->is_absolute() && !text.starts_with("~/")))
      continue;
    if (!glob->is_name()) {
      search.patterns.push_back(glob->placed(around.home, around.workspace));
      add_starts(search.patterns.back(), mounts, search.directories);
      continue;
    }
    // In each of these alone: the system's own directories hold nothing of the user's.
    for (const std::string& directory : shown) search.patterns.push_back(glob->within(directory));
    search.directories.insert(search.directories.end(), shown.begin(), shown.end());
  }
  return search;
}

}  // namespace

Result<std::vector<Mount>> covers_of(const PathRules& rules, const PathSurroundings& around,
                                     const std::vector<Mount>& mounts, PathSearch& search) {
  std::set<InsideView::Found> places;
  if (!rules.hide.empty())
    for (InsideView::Found& found :
         HV_TRY_CONTEXT(search.find(question_of_hidden(rules, around, mounts)), "filesystem.hide"))
      places.insert(std::move(found));
  if (!rules.exec_deny.empty()) {
    for (InsideView::Found& found :
         HV_TRY_CONTEXT(search.find(question_of_programs(rules.exec_deny, around, mounts)), "exec.deny"))
      places.insert(std::move(found));
  }
  std::vector<Mount> covers;
  for (const InsideView::Found& place : places) {
    // What lies below a covered directory is gone with it; the set's order puts the directory first.
    if (std::ranges::any_of(covers, [&](const Mount& above) { return lies_in(place.path, above.target); })) continue;
    if (place.path == around.workspace || place.path == around.home)
      return base::Failure(
          base::invalid_argument(base::format("the policy hides {} as a whole", base::printable(place.path))));
    if (covers.size() == kMostCovers)
      return base::Failure(base::unavailable(base::format("more than {} files to hide", kMostCovers))
                               .with_hint("hide the directory that they lie in"));
    Mount& cover = covers.emplace_back();
    cover.kind = Mount::Kind::cover;
    cover.target = place.path;
  }
  return covers;
}

Result<std::vector<std::string>> executables_of(const PathRules& rules, const PathSurroundings& around,
                                                const std::vector<Mount>& mounts, PathSearch& search) {
  InsideView view(mounts);
  std::set<std::string> all{"/run/hydravisor/probe"};
  bool has_directory = false;
  std::vector<std::string> looked_for;
  for (const std::string& text : rules.exec_allow) {
    // All of a directory, also what comes there later.
    std::string_view above = text;
    for (std::string_view end : {"/**/*", "/**"})
      if (above.ends_with(end)) {
        above.remove_suffix(end.size());
        break;
      }
    if (above.size() == text.size() || above.find_first_of("*?") != std::string_view::npos) {
      looked_for.push_back(text);
      continue;
    }
    Result<Glob> directory = Glob::parse(above);
    std::string place = directory && !directory->is_name()
                            ? directory->placed(around.home, around.workspace).fixed_directory()
                            : around.workspace + "/" + std::string(above);
    if (auto real = view.canonical(place)) all.insert(*real);
    has_directory = true;
  }
  std::vector<std::string> waiting;
  for (const InsideView::Found& found :
       HV_TRY_CONTEXT(search.find(question_of_programs(looked_for, around, mounts)), "exec.allow")) {
    has_directory = has_directory || found.is_directory;
    if (all.insert(found.path).second && !found.is_directory) waiting.push_back(found.path);
  }
  // A script's interpreter may be a script itself, the kernel follows five.
  while (!waiting.empty()) {
    std::string program = std::move(waiting.back());
    waiting.pop_back();
    std::optional<std::string> host = view.host_path(program);
    if (!host) continue;
    for (const std::string& next : {read_interpreter(*host).program, loader_of(*host)}) {
      std::optional<std::string> real = next.empty() ? std::nullopt : view.canonical(next);
      if (real && all.insert(*real).second) waiting.push_back(*real);
    }
  }
  if (has_directory)
    for (std::string_view loader : kLoaders)
      if (auto real = view.canonical(loader); real && view.host_path(*real)) all.insert(*real);
  return std::vector<std::string>(all.begin(), all.end());
}

Result<std::vector<std::string>> expand_grant(const std::string& path) {
  if (path.find_first_of("*?") == std::string::npos || base::path_exists(path)) return std::vector{path};
  Glob glob = HV_TRY(Glob::parse(path));
  Mount whole;
  whole.target = "/";
  std::vector<std::string> paths;
  for (const InsideView::Found& found : HV_TRY(InsideView({&whole, 1}).find({glob}, {glob.fixed_directory()}))) {
    if (paths.size() == kMostGrants)
      return base::Failure(
          base::unavailable(base::format("{} names more than {} paths", base::printable(path), kMostGrants)));
    paths.push_back(found.named);
  }
  return paths;
}

}  // namespace hv::images
