#include "workspace/git_reach.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <dirent.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/git_config.h"
#include "workspace/git_layout.h"
#include "workspace/git_refs.h"
#include "workspace/links.h"

namespace hv::workspace {

namespace {

constexpr size_t largest_config = size_t{1} << 20;
constexpr int deepest_include = 10;  // as git itself
constexpr int deepest_module = 8;

// What makes a directory a repository, and what git obeys in one.
constexpr std::array<std::string_view, 10> of_repositories = {
    "HEAD", "objects", "refs", "config", "config.worktree", "hooks", "commondir", "gitdir", "info", "packed-refs"};

bool same_name(std::string_view first, std::string_view second) {
  return first.size() == second.size() && ::strncasecmp(first.data(), second.data(), first.size()) == 0;
}

std::string absolute(const std::string& directory, std::string_view path) {
  return path.starts_with('/') ? std::string(path) : directory + "/" + std::string(path);
}

std::string real_path(const std::string& path) {
  std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), ::free);
  return real ? std::string(real.get()) : path;
}

}  // namespace

class GitReach::View {
 public:
  View(const Opened& places, std::string workspace, bool applied)
      : layers_{&places.host, applied ? &places.upper : nullptr}, workspace_(std::move(workspace)) {}

  const Layers& layers() const { return layers_; }
  std::string inside(const std::string& path) const {
    return path.starts_with(workspace_ + "/") ? path.substr(workspace_.size() + 1) : std::string();
  }
  std::optional<std::string> link(const std::string& path) const {
    if (std::string place = inside(path); !place.empty()) {
      auto entry = layers_.stat(place);
      if (!entry || !*entry || (*entry)->type != FileType::symlink) return std::nullopt;
      auto changed = layers_.upper != nullptr ? layers_.upper->stat(place) : std::optional<Entry>();
      auto text = (changed && *changed ? layers_.upper : layers_.lower)->read_link(place);
      return text ? std::optional(*text) : std::nullopt;
    }
    std::string text(4096, '\0');
    ssize_t length = ::readlink(path.c_str(), text.data(), text.size());
    if (length < 0) return std::nullopt;
    text.resize(static_cast<size_t>(length));
    return text;
  }
  std::vector<std::string> places(const std::string& path) const {
    return places_on_the_way(workspace_, [this](const std::string& at) { return link(at); }, path);
  }
  std::string read(const std::string& path) const {
    std::vector<std::string> way = places(path);
    if (!way.empty()) {
      auto text = layers_.read(way.back(), largest_config);
      return text && *text ? **text : std::string();
    }
    return base::read_file(path, largest_config).value_or("");
  }
  std::vector<std::string> list(const std::string& path) const {
    std::vector<std::string> way = places(path);
    if (!way.empty()) return layers_.list(way.back()).value_or(std::vector<std::string>{});
    std::vector<std::string> names;
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(path.c_str()), ::closedir);
    while (dirent* entry = stream ? ::readdir(stream.get()) : nullptr)
      if (std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
    return names;
  }

 private:
  Layers layers_;
  std::string workspace_;
};

GitReach::GitReach(const Opened& places, const std::vector<std::string>& paths)
    : workspace_(real_path(places.host_path)), user_git_(places.user_git) {
  for (bool applied : {false, true}) views_.emplace_back(places, workspace_, applied);
  std::set<std::string, std::less<>> directories{""};
  for (const std::string& path : paths)
    for (std::string_view up = parent_of(path); !up.empty(); up = parent_of(up))
      if (!directories.emplace(up).second) break;
  // Also where there is no repository: what is named from / on is run in those elsewhere.
  add_user_config(workspace_);
  for (const std::string& directory : directories) look_for_repository(directory);
  if (auto layout = git_layout(workspace_);
      layout && (layout->kind == GitLayout::Kind::worktree || layout->kind == GitLayout::Kind::subdirectory))
    add_repository(layout->git_dir, layout->work_tree, 0);
}

GitReach::~GitReach() = default;

const char* GitReach::judge(const std::string& path, bool is_directory) {
  constexpr const char* reached = "git on the host is set to run or obey it";
  if (in_repository(path)) return "git takes its directory for a repository and obeys what is in it";
  for (std::string_view up = path; !up.empty(); up = parent_of(up)) {
    auto found = reached_.find(up);
    if (found != reached_.end() && (found->second || up.size() == path.size())) return reached;
  }
  // A directory on the way that becomes something else leads elsewhere.
  if (!is_directory) {
    auto below = reached_.lower_bound(path + "/");
    if (below != reached_.end() && covers(path, below->first)) return reached;
  }
  return nullptr;
}

void GitReach::look_for_repository(const std::string& directory) {
  std::string name = join_path(directory, ".git");
  for (const View& view : views_) {
    auto entry = view.layers().stat(name);
    if (!entry || !*entry) continue;
    std::string work_tree = directory.empty() ? workspace_ : workspace_ + "/" + directory;
    if ((*entry)->type == FileType::regular) {
      std::string text = view.read(work_tree + "/.git");
      while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
      if (text.starts_with("gitdir: ")) add_repository(absolute(work_tree, text.substr(8)), work_tree, 0);
    } else {
      add_repository(work_tree + "/.git", work_tree, 0);
    }
  }
}

void GitReach::add_repository(const std::string& git_dir, const std::string& work_tree, int depth) {
  if (depth > deepest_module || !seen_.insert(git_dir).second) return;
  add_user_config(work_tree);
  for (const View& view : views_) {
    std::vector<std::string> directories{git_dir};
    std::string common = view.read(git_dir + "/commondir");
    while (common.ends_with('\n') || common.ends_with('\r')) common.pop_back();
    if (!common.empty()) directories.push_back(absolute(git_dir, common));
    for (const std::string& directory : directories) {
      add_hooks(view, directory + "/hooks");
      for (const char* config : {"/config", "/config.worktree"}) add_config(view, directory + config, work_tree, 0);
      add_modules(view, directory + "/modules", work_tree, depth);
    }
  }
}

// Submodules' repositories; a name may have slashes, so that they lie at any depth.
void GitReach::add_modules(const View& view, const std::string& directory, const std::string& work_tree, int depth) {
  if (depth > deepest_module) return;
  for (const std::string& name : view.list(directory)) {
    std::string module = directory + "/" + name;
    if (view.read(module + "/HEAD").empty()) {
      add_modules(view, module, work_tree, depth + 1);
      continue;
    }
    std::string own_tree = work_tree;
    for (const GitSetting& setting : parse_git_config(view.read(module + "/config")))
      if (setting.name == "core.worktree") own_tree = absolute(module, setting.value);
    add_repository(module, own_tree, depth + 1);
  }
}

void GitReach::add_hooks(const View& view, const std::string& directory) {
  add(view, directory, true);
  for (const std::string& name : view.list(directory)) add(view, directory + "/" + name, true);
}

void GitReach::add_config(const View& view, const std::string& file, const std::string& work_tree, int depth) {
  // Files that include each other many times would never end.
  if (depth > deepest_include || !read_.emplace(&view, file, work_tree).second) return;
  add(view, file, true);
  std::string directory = file.substr(0, file.rfind('/'));
  for (const GitSetting& setting : parse_git_config(view.read(file))) {
    std::string value = expand_home(setting.value, user_git_.home);
    if (value.empty()) continue;
    if (is_include(setting.name)) {
      add_config(view, absolute(directory, value), work_tree, depth + 1);
    } else if (setting.name == "core.hookspath") {
      add_hooks(view, absolute(work_tree, value));
    } else if (setting.name == "core.attributesfile") {
      add(view, absolute(work_tree, value), true);
    } else if (runs_a_command(setting.name)) {
      for (const std::string& word : words_of_command(setting.value))
        if (std::string path = expand_home(word, user_git_.home); !path.empty())
          add(view, absolute(work_tree, path), path.find('/') != std::string::npos);
    }
  }
}

void GitReach::add_user_config(const std::string& work_tree) {
  for (const View& view : views_)
    for (const std::string& file : user_git_.configs) add_config(view, file, work_tree, 0);
}

// `below`: what lies in it counts too.
void GitReach::add(const View& view, const std::string& path, bool below) {
  for (std::string& place : view.places(path)) reached_[std::move(place)] |= below;
}

// Whether the change is of a part of a directory that has, or would have, all that git wants of a repository.
bool GitReach::in_repository(std::string_view path) {
  for (std::string_view at = path; !at.empty(); at = parent_of(at)) {
    if (std::ranges::none_of(of_repositories, [&](std::string_view name) { return same_name(name, name_of(at)); }))
      continue;
    std::string_view directory = parent_of(at);
    if (name_of(directory) == ".git") continue;
    auto [known, is_new] = repositories_.try_emplace(std::string(directory), false);
    if (is_new) known->second = looks_like_repository(known->first);
    if (known->second) return true;
  }
  return false;
}

bool GitReach::looks_like_repository(const std::string& directory) const {
  auto names = views_[1].layers().list(directory);
  if (!names) return true;  // what cannot be looked at is not trusted
  auto has = [&](std::string_view wanted) {
    return std::ranges::any_of(*names, [&](const std::string& name) {
      if (!same_name(name, wanted)) return false;
      auto entry = views_[1].layers().stat(join_path(directory, name));
      return !entry || *entry;
    });
  };
  return has("HEAD") && ((has("objects") && has("refs")) || has("commondir"));
}

void hold_what_git_reaches(const Opened& places, std::vector<Change>& changes) {
  if (changes.empty()) return;
  std::vector<std::string> paths;
  for (const Change& change : changes) paths.push_back(change.path);
  GitReach reach(places, paths);
  for (Change& change : changes) {
    if (change.hazard == core::Hazard::held) continue;
    const char* reason = reach.judge(change.path, !change.after || change.after->type == FileType::directory);
    if (reason == nullptr) continue;
    change.hazard = core::Hazard::held;
    change.hazard_reason = reason;
  }
}

}  // namespace hv::workspace
