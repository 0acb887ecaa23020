#include "workspace/file_events.h"

#include <algorithm>
#include <map>
#include <utility>

#include "workspace/bytes.h"
#include "workspace/changes.h"

namespace hv::workspace {

namespace {

using core::FileEvent;
using core::FileEventKind;

// Of several files that could be the one that was moved, so many are compared.
constexpr int kMostCandidates = 8;

core::FileType shown_type(FileType type) {
  switch (type) {
    case FileType::regular:
      return core::FileType::regular;
    case FileType::directory:
      return core::FileType::directory;
    case FileType::symlink:
      return core::FileType::symlink;
    default:
      return core::FileType::other;
  }
}

std::optional<core::FileState> state_of(const std::optional<Entry>& entry) {
  if (!entry) return std::nullopt;
  bool sized = entry->type == FileType::regular || entry->type == FileType::symlink;
  return core::FileState{shown_type(entry->type), entry->mode, entry->uid, entry->gid, sized ? entry->size : 0};
}

class Findings {
 public:
  Findings(const Tree& before, const Tree& after, const SeenFiles& seen, int64_t instant, bool times_kept)
      : before_(before), after_(after), seen_(seen), times_kept_(times_kept), result_{{}, SeenFiles(instant)} {}

  void add(const Change& change) {
    result_.seen.set(change.path, change.after);
    auto known = seen_.paths().find(change.path);
    if (known != seen_.paths().end()) return compare(change, known->second);
    if (change.after && seen_.is_covered(*change.after)) return;
    FileEvent& event = add(change.path, change.before, change.after);
    if (change.kind == core::ChangeKind::added) event.kind = FileEventKind::created;
    if (change.kind == core::ChangeKind::deleted) event.kind = FileEventKind::deleted;
    if (change.kind == core::ChangeKind::mode_changed)
      event.kind = change.before && change.after && change.before->mode == change.after->mode ? FileEventKind::owner
                                                                                              : FileEventKind::mode;
    event.host_changed = !change.conflict.empty();
    note_move(event, change.before, change.after);
  }

  // What was told of before and is no difference any more: taken away again, or the same as the host's by now.
  void add_vanished(const std::vector<Change>& changes) {
    for (const auto& [path, former] : seen_.paths()) {
      if (std::ranges::binary_search(changes, std::string_view(path), {}, &Change::path)) continue;
      std::optional<Entry> now = after_.stat(path).value_or(std::nullopt);
      if (now && is_whiteout(after_, path, *now)) now.reset();
      if (former && now && is_same(*former, *now)) {
        result_.seen.set(path, now);
      } else if (now) {
        Change taken_back;
        taken_back.path = path;
        taken_back.after = now;
        compare(taken_back, former);
        result_.seen.set(path, now);
      } else if (former && !before_.stat(path).value_or(std::nullopt)) {
        FileEvent& event = add(path, former, std::nullopt);
        event.kind = FileEventKind::deleted;
        note_move(event, former, std::nullopt);
      }
    }
  }

  FileFindings finish() {
    pair_moves();
    std::ranges::sort(result_.events, {}, &FileEvent::path);
    return std::move(result_);
  }

 private:
  struct Moved {
    size_t event;
    Entry entry;
  };
  using Key = std::pair<uint64_t, int64_t>;

  FileEvent& add(const std::string& path, const std::optional<Entry>& before, const std::optional<Entry>& after) {
    FileEvent event;
    event.path = path;
    event.before = state_of(before);
    event.after = state_of(after);
    return result_.events.emplace_back(std::move(event));
  }

  // Against what was told of last time.
  void compare(const Change& change, const std::optional<Entry>& former) {
    const std::optional<Entry>& now = change.after;
    if (!former && !now) return;
    if (former && now && is_same(*former, *now)) return;
    FileEvent& event = add(change.path, former, now);
    event.host_changed = !change.conflict.empty();
    if (!former) {
      event.kind = FileEventKind::created;
    } else if (!now) {
      event.kind = FileEventKind::deleted;
    } else if (former->type == now->type && former->size == now->size && former->mtime == now->mtime &&
               former->inode == now->inode) {
      if (former->mode != now->mode) event.kind = FileEventKind::mode;
      if (former->mode == now->mode && (former->uid != now->uid || former->gid != now->gid))
        event.kind = FileEventKind::owner;
    } else if (now->type == FileType::directory && former->type == FileType::directory) {
      event.kind = former->mode != now->mode ? FileEventKind::mode : FileEventKind::owner;
    }
    note_move(event, former, now);
  }

  void note_move(const FileEvent& event, const std::optional<Entry>& before, const std::optional<Entry>& after) {
    auto at = static_cast<size_t>(&event - result_.events.data());
    if (event.kind == FileEventKind::created && after && !before) arrived_.push_back({at, *after});
    if (event.kind != FileEventKind::deleted || !before || after) return;
    // A file of the sandbox's own keeps its inode; one of the host's is a copy once it has moved.
    if (seen_.paths().contains(event.path)) {
      left_own_.insert_or_assign(before->inode, Moved{at, *before});
    } else {
      left_.emplace(key_of(*before), Moved{at, *before});
    }
  }

  Key key_of(const Entry& entry) const { return {entry.size, times_kept_ ? entry.mtime : 0}; }

  bool has_same_content(const Moved& from, const Moved& to) const {
    if (from.entry.type != FileType::regular || to.entry.type != FileType::regular) return false;
    if (to.entry.size == 0) return times_kept_;
    auto old_file = before_.open_regular(result_.events[from.event].path);
    auto new_file = after_.open_regular(result_.events[to.event].path);
    return old_file && new_file && same_content(old_file->get(), new_file->get()).value_or(false);
  }

  // The number alone may have been given to another file since, and one that was changed as well is not only moved.
  static bool is_moved(const Entry& from, const Entry& to) {
    if (from.type != to.type || (to.btime != 0 && to.btime > from.ctime)) return false;
    return from.type == FileType::directory || (from.size == to.size && from.mtime == to.mtime);
  }

  // The event of the file that is this one now, taken so that it serves once.
  std::optional<size_t> take_origin(const Moved& to) {
    if (auto own = left_own_.find(to.entry.inode); own != left_own_.end())
      if (is_moved(own->second.entry, to.entry)) return left_own_.extract(own).mapped().event;
    auto [begin, end] = left_.equal_range(key_of(to.entry));
    int tried = 0;
    for (auto from = begin; from != end && tried < kMostCandidates; ++from, ++tried)
      if (has_same_content(from->second, to)) return left_.extract(from).mapped().event;
    return std::nullopt;
  }

  void pair_moves() {
    std::vector<bool> gone(result_.events.size());
    for (const Moved& to : arrived_) {
      std::optional<size_t> origin = take_origin(to);
      if (!origin) continue;
      FileEvent& event = result_.events[to.event];
      event.kind = FileEventKind::renamed;
      event.old_path = result_.events[*origin].path;
      event.before = result_.events[*origin].before;
      gone[*origin] = true;
    }
    size_t index = 0;
    std::erase_if(result_.events, [&](const FileEvent&) { return gone[index++]; });
  }

  const Tree& before_;
  const Tree& after_;
  const SeenFiles& seen_;
  bool times_kept_;
  FileFindings result_;
  std::vector<Moved> arrived_;
  std::multimap<Key, Moved> left_;      // of the host's, by size and time
  std::map<uint64_t, Moved> left_own_;  // by inode
};

class UnclaimedWalk {
 public:
  UnclaimedWalk(const PreimageStore& store, const std::vector<Change>& changes, int64_t began)
      : store_(store), changes_(changes), began_(began) {}

  void directory(const std::string& path) {
    auto names = store_.workspace().list(path);
    // What was closed to us may have been written all the same.
    if (!names) return add(path, FileEventKind::modified, store_.workspace().stat(path).value_or(std::nullopt));
    for (const std::string& name : *names) entry(join_path(path, name));
  }
  std::vector<FileEvent> take() { return std::move(events_); }

 private:
  void entry(const std::string& path) {
    auto entry = store_.workspace().stat(path);
    if (!entry || !*entry) return;
    const Entry& now = **entry;
    bool is_directory = now.type == FileType::directory;
    // A directory's times are those of its entries, too.
    bool is_new = now.btime > began_;
    if (is_new || (!is_directory && now.ctime > began_))
      if (!is_known(path)) add(path, is_new ? FileEventKind::created : FileEventKind::modified, now);
    if (is_directory && !too_deep(path)) directory(path);
  }

  bool is_known(const std::string& path) const {
    return store_.index().contains(path) ||
           std::ranges::binary_search(changes_, std::string_view(path), {}, &Change::path);
  }

  void add(const std::string& path, FileEventKind kind, const std::optional<Entry>& now) {
    FileEvent event;
    event.kind = kind;
    event.path = path;
    event.after = state_of(now);
    events_.push_back(std::move(event));
  }

  const PreimageStore& store_;
  const std::vector<Change>& changes_;
  int64_t began_;
  std::vector<FileEvent> events_;
};

}  // namespace

std::vector<FileEvent> find_unclaimed(const PreimageStore& store, const std::vector<Change>& changes, int64_t began) {
  UnclaimedWalk walk(store, changes, began);
  walk.directory("");
  return walk.take();
}

FileFindings find_file_events(const Tree& before, const Tree& after, const std::vector<Change>& changes,
                              const SeenFiles& seen, int64_t instant, bool times_kept) {
  Findings findings(before, after, seen, instant, times_kept);
  for (const Change& change : changes) findings.add(change);
  findings.add_vanished(changes);
  return findings.finish();
}

}  // namespace hv::workspace
