#include "service/live_protection.h"

#include "base/text.h"
#include "workspace/hazard.h"
#include "workspace/tree.h"

namespace hv::service {

namespace {

using workspace::FileType;

// What git runs or is led by; the rest of the repository has to stay writable for commits.
constexpr const char* kRepository[] = {"config", "config.worktree", "hooks", "commondir", "info/attributes"};
// Named when absent; workspace/hazard.cc has the whole table.
constexpr const char* kWellKnown[] = {".envrc",        ".vscode",        ".idea",       ".husky",
                                      ".devcontainer", ".gitattributes", ".gitmodules", ".pre-commit-config.yaml",
                                      ".claude",       ".mcp.json",      ".cursor"};

bool can_be_covered(const workspace::Tree& tree, const std::string& path) {
  auto entry = tree.stat(path);
  // A bind would follow a link and cover what it leads to.
  return entry && *entry && ((*entry)->type == FileType::regular || (*entry)->type == FileType::directory);
}

}  // namespace

LiveProtection protect_live(const std::string& workspace) {
  LiveProtection protection;
  auto cover = [&](const std::string& path, bool writable) {
    core::Mount mount;
    mount.source = mount.target = workspace + "/" + path;
    mount.writable = writable;
    mount.optional = true;
    protection.mounts.push_back(std::move(mount));
  };
  std::vector<std::string> open;
  auto tree = workspace::Tree::open(workspace);
  if (!tree) return protection;  // the start fails on it with a better message
  if (auto names = tree->list("")) {
    for (const std::string& name : *names)
      if (name != ".git" && workspace::classify_path(name).hazard == core::Hazard::held) {
        if (can_be_covered(*tree, name)) {
          cover(name, false);
        } else {
          open.push_back(base::printable(name));
        }
      }
  }
  auto repository = tree->stat(".git");
  if (repository && *repository && (*repository)->type == FileType::directory) {
    // A mount point cannot be renamed, so that the settings below it stay where they are.
    cover(".git", true);
    for (const char* name : kRepository) {
      std::string path = std::string(".git/") + name;
      if (can_be_covered(*tree, path)) {
        cover(path, false);
      } else {
        open.push_back(path);
      }
    }
  } else if (can_be_covered(*tree, ".git")) {
    cover(".git", false);
  } else {
    open.emplace_back(".git");
  }
  for (const char* name : kWellKnown) {
    auto entry = tree->stat(name);
    if (entry && !*entry) open.emplace_back(name);
  }
  protection.loss =
      "the workspace is live: what the host runs by itself is read-only inside only where it exists at the top of the "
      "workspace; not so: " +
      base::join(open, ", ");
  return protection;
}

}  // namespace hv::service
