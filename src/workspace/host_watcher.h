// Tells which files of a directory tree change on the host: inotify(7), recursive, within a bound. For the supervisor,
// on its event loop.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/event_loop.h"

namespace hv::workspace {

class HostWatcher {
 public:
  struct Options {
    size_t most_watches = 8192;         // directories; the kernel's own limit may come first
    size_t directories_per_turn = 256;  // how many are looked at before the loop goes on
    // What the first walk finds in directories whose entries changed after this instant is reported as well, if it is
    // newer itself: it changed before the watch began. Nanoseconds since the epoch; 0: nothing.
    int64_t changed_since = 0;
    std::chrono::milliseconds settle{50};  // reports wait this long for more of the same burst
  };
  // Relative paths, sorted, each once: created, rewritten, renamed or deleted, directories not among them.
  using Report = std::function<void(std::vector<std::string> paths)>;

  // `root` as this process sees it. The loop must outlive the watcher. The first walk goes on in turns of the loop.
  static base::Result<std::unique_ptr<HostWatcher>> start(base::EventLoop& loop, std::string root, Options options,
                                                          Report report);
  ~HostWatcher();
  HostWatcher(const HostWatcher&) = delete;

  // Directories that are not watched, and their contents: over the bound, or unreadable. `.git` is never watched and
  // not listed.
  const std::vector<std::string>& unwatched() const { return unwatched_; }
  // False once the kernel dropped events: then everything may have changed, and only a `sync` of the whole tree tells.
  bool complete() const { return !overflowed_; }
  bool walking() const { return !near_.empty() || !far_.empty(); }

  // Directories full of what tools made, watched only when there is room after all others: node_modules, target, ...
  static bool is_bulky(std::string_view name);

 private:
  HostWatcher(base::EventLoop& loop, std::string root, Options options, Report report, base::Fd inotify);
  void walk();
  void add(const std::string& directory, bool report_entries);
  void read_events();
  void note(std::string path);
  void flush();
  std::string absolute(const std::string& relative) const;

  base::EventLoop& loop_;
  std::string root_;
  Options options_;
  Report report_;
  base::Fd inotify_;
  std::map<int, std::string> directories_;  // watch descriptor -> relative path
  struct Pending {
    std::string directory;
    bool report_entries;
  };
  std::deque<Pending> near_;  // to be watched, breadth first
  std::deque<Pending> far_;   // bulky ones, afterwards
  std::set<std::string> changed_;
  std::vector<std::string> unwatched_;
  base::EventLoop::TimerId walk_timer_ = 0;
  base::EventLoop::TimerId flush_timer_ = 0;
  bool overflowed_ = false;
};

}  // namespace hv::workspace
