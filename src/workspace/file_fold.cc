#include "workspace/file_fold.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/crypto.h"
#include "base/text.h"
#include "workspace/bytes.h"

namespace hv::workspace {

namespace {

using core::FileEvent;

constexpr size_t kKinds = core::Names<core::FileEventKind>::table.size();
constexpr size_t kNameOverhead = 4;

struct Directory {
  std::vector<FileEvent*> own;  // changes of its entries
  std::map<std::string, Directory, std::less<>> below;
  size_t total = 0;
};

class Folder {
 public:
  Folder(const std::string& root, const FoldBounds& bounds) : root_(root), bounds_(bounds), room_(bounds.total_bytes) {}

  // Spends at most `budget` on single events and answers what is left of it.
  size_t spend(const std::string& path, Directory& directory, size_t budget) {
    if (directory.total <= budget) {
      take_all(directory);
      return budget - directory.total;
    }
    std::vector<std::pair<std::string, Directory*>> below;
    for (auto& [name, child] : directory.below) below.emplace_back(join_path(path, name), &child);
    // Each directory that is entered can cost a fold of every kind. Where there are too many, they go as one.
    if ((below.size() + 1) * kKinds > budget) {
      std::vector<FileEvent*> all;
      gather(directory, all);
      fold(path, all);
      return budget;
    }
    // What the small ones do not need is there for the larger ones.
    std::ranges::sort(below, {}, [](const auto& item) { return std::pair(item.second->total, item.first); });
    bool own_done = directory.own.empty();
    size_t shares = below.size() + (own_done ? 0 : 1);
    auto own = [&] {
      size_t share = budget / shares--;
      own_done = true;
      if (directory.own.size() > share) return fold(path, directory.own);
      for (FileEvent* event : directory.own) take(*event);
      budget -= directory.own.size();
    };
    for (auto& [name, child] : below) {
      if (!own_done && directory.own.size() <= child->total) own();
      size_t share = budget / shares--;
      budget -= share - spend(name, *child, share);
    }
    if (!own_done) own();
    return budget;
  }

  std::vector<FileEvent> finish() {
    std::ranges::sort(out_, {}, [](const FileEvent& event) {
      return std::tuple(std::string_view(event.path), event.kind,
                        event.paths.empty() ? std::string_view() : std::string_view(event.paths.front()));
    });
    return std::move(out_);
  }

 private:
  static void gather(Directory& directory, std::vector<FileEvent*>& all) {
    all.insert(all.end(), directory.own.begin(), directory.own.end());
    for (auto& [name, child] : directory.below) gather(child, all);
  }

  void take_all(Directory& directory) {
    for (FileEvent* event : directory.own) take(*event);
    for (auto& [name, child] : directory.below) take_all(child);
  }

  void take(FileEvent& event) {
    event.path = absolute(event.path);
    if (!event.old_path.empty()) event.old_path = absolute(event.old_path);
    out_.push_back(std::move(event));
  }

  std::string absolute(const std::string& path) const { return path.empty() ? root_ : join_path(root_, path); }

  void fold(const std::string& path, const std::vector<FileEvent*>& events) {
    for (auto [kind, name] : core::Names<core::FileEventKind>::table) {
      // A rename has two paths, and both are said.
      std::vector<std::string> paths;
      for (const FileEvent* event : events) {
        if (event->kind != kind) continue;
        paths.push_back(absolute(event->path));
        if (!event->old_path.empty()) paths.push_back(absolute(event->old_path));
      }
      std::ranges::sort(paths);
      size_t at = 0;
      while (at < paths.size()) at = fold_part(path, kind, paths, at);
    }
  }

  // As many of the paths from `at` on as one event can name, or all of the rest unnamed when there is no more room.
  size_t fold_part(const std::string& path, core::FileEventKind kind, const std::vector<std::string>& paths,
                   size_t at) {
    FileEvent event;
    event.kind = kind;
    event.path = absolute(path);
    size_t end = at;
    for (size_t used = 0; end < paths.size(); ++end) {
      size_t size = paths[end].size() + kNameOverhead;
      if (used + size > bounds_.event_bytes || used + size > room_) break;
      used += size;
      event.paths.push_back(paths[end]);
    }
    for (const std::string& named : event.paths) room_ -= named.size() + kNameOverhead;
    // A path longer than an event holds would never fit.
    if (end == at) end = paths.size();
    event.count = end - at;
    std::string hashed;
    for (size_t i = at; i < end; ++i) hashed += paths[i] + '\0';
    event.digest = base::to_hex(base::as_view(base::sha256(hashed)));
    out_.push_back(std::move(event));
    return end;
  }

  const std::string& root_;
  const FoldBounds& bounds_;
  size_t room_;
  std::vector<FileEvent> out_;
};

void place(Directory& root, FileEvent& event) {
  Directory* at = &root;
  ++at->total;
  std::string_view rest = event.path;
  for (size_t slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    auto found = at->below.find(rest.substr(0, slash));
    if (found == at->below.end()) found = at->below.emplace(std::string(rest.substr(0, slash)), Directory{}).first;
    at = &found->second;
    ++at->total;
    rest.remove_prefix(slash + 1);
  }
  at->own.push_back(&event);
}

}  // namespace

std::vector<FileEvent> fold_events(std::vector<FileEvent> events, const std::string& root, const FoldBounds& bounds) {
  Directory tree;
  for (FileEvent& event : events) place(tree, event);
  Folder folder(root, bounds);
  folder.spend("", tree, bounds.events);
  return folder.finish();
}

}  // namespace hv::workspace
