#include "workspace/host_watcher.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <dirent.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workspace/bytes.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;

static constexpr uint32_t events_of_interest = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE |
                                               IN_ATTRIB | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;

bool HostWatcher::is_bulky(std::string_view name) {
  static constexpr std::string_view names[] = {"node_modules", "target",        ".venv",       "venv",   "__pycache__",
                                               "build",        "dist",          ".cache",      ".tox",   ".next",
                                               "vendor",       ".gradle",       ".mypy_cache", ".nuxt",  "bazel-out",
                                               ".terraform",   ".pytest_cache", "Pods",        "_build", "deps"};
  return std::ranges::find(names, name) != std::end(names);
}

Result<std::unique_ptr<HostWatcher>> HostWatcher::start(base::EventLoop& loop, std::string root, Options options,
                                                        Report report) {
  Fd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify)
    return Failure(
        Error::from_errno(errno, "watch the workspace")
            .with_hint("fs.inotify.max_user_instances may be too low; edits of the host then reach the sandbox by "
                       "'hydravisor sync' only"));
  std::unique_ptr<HostWatcher> watcher(
      new HostWatcher(loop, std::move(root), options, std::move(report), std::move(inotify)));
  HostWatcher* self = watcher.get();
  HV_TRY(loop.watch(self->inotify_.get(), EPOLLIN, [self](uint32_t) { self->read_events(); }));
  // The root at once, so that its failure is the caller's; the rest in turns.
  self->add("", false);
  if (self->directories_.empty()) return Failure(Error::from_errno(errno, "watch the workspace", self->root_));
  self->walk_timer_ = loop.after({}, [self] { self->walk(); });
  return watcher;
}

HostWatcher::HostWatcher(base::EventLoop& loop, std::string root, Options options, Report report, Fd inotify)
    : loop_(loop),
      root_(std::move(root)),
      options_(options),
      report_(std::move(report)),
      inotify_(std::move(inotify)) {}

HostWatcher::~HostWatcher() {
  loop_.unwatch(inotify_.get());
  if (walk_timer_ != 0) loop_.cancel(walk_timer_);
  if (flush_timer_ != 0) loop_.cancel(flush_timer_);
}

std::string HostWatcher::absolute(const std::string& relative) const {
  return relative.empty() ? root_ : root_ + "/" + relative;
}

void HostWatcher::walk() {
  walk_timer_ = 0;
  for (size_t done = 0; done < options_.directories_per_turn && walking(); ++done) {
    std::deque<Pending>& queue = near_.empty() ? far_ : near_;
    Pending next = std::move(queue.front());
    queue.pop_front();
    add(next.directory, next.report_entries);
  }
  if (walking()) walk_timer_ = loop_.after(std::chrono::milliseconds(1), [this] { walk(); });
}

// Watches one directory and queues those in it. `report_entries`: it appeared after the start, so its files are news.
void HostWatcher::add(const std::string& directory, bool report_entries) {
  if (directories_.size() >= options_.most_watches) {
    unwatched_.push_back(directory);
    return;
  }
  int watch = ::inotify_add_watch(inotify_.get(), absolute(directory).c_str(), events_of_interest);
  if (watch < 0) {
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) unwatched_.push_back(directory);
    return;
  }
  directories_[watch] = directory;
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(absolute(directory).c_str()), ::closedir);
  if (!stream) return;
  auto is_newer = [&](const timespec& time) {
    return options_.changed_since != 0 && time.tv_sec * 1'000'000'000L + time.tv_nsec > options_.changed_since;
  };
  struct stat top{};
  bool may_hold_news = !report_entries && ::fstat(::dirfd(stream.get()), &top) == 0 && is_newer(top.st_mtim);
  while (dirent* entry = ::readdir(stream.get())) {
    std::string_view name = entry->d_name;
    if (name == "." || name == ".." || name == ".git") continue;
    bool is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat about{};
      is_directory =
          ::fstatat(::dirfd(stream.get()), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode);
    }
    std::string path = join_path(directory, name);
    if (is_directory) {
      (is_bulky(name) ? far_ : near_).push_back({std::move(path), report_entries});
    } else if (report_entries) {
      note(std::move(path));
    } else if (struct stat about{}; may_hold_news &&
                                    ::fstatat(::dirfd(stream.get()), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
                                    is_newer(about.st_ctim)) {
      note(std::move(path));
    }
  }
}

void HostWatcher::read_events() {
  alignas(inotify_event) std::array<char, 65536> buffer;
  for (;;) {
    ssize_t count = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (count <= 0) break;
    for (ssize_t at = 0; at < count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_Q_OVERFLOW) != 0) {
        overflowed_ = true;
        continue;
      }
      auto found = directories_.find(event->wd);
      if (found == directories_.end()) continue;
      if ((event->mask & IN_IGNORED) != 0) {
        directories_.erase(found);
        continue;
      }
      if (event->len == 0) continue;
      std::string_view name = event->name;
      if (name == ".git") continue;
      std::string path = join_path(found->second, name);
      if ((event->mask & IN_ISDIR) == 0) {
        note(std::move(path));
      } else if ((event->mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
        near_.push_back({std::move(path), true});
        if (walk_timer_ == 0) walk_timer_ = loop_.after({}, [this] { walk(); });
      } else if ((event->mask & IN_MOVED_FROM) != 0) {
        // Its watches would go on reporting under the old name.
        for (auto at_watch = directories_.begin(); at_watch != directories_.end();) {
          bool moved = covers(path, at_watch->second);
          if (moved) ::inotify_rm_watch(inotify_.get(), at_watch->first);
          at_watch = moved ? directories_.erase(at_watch) : std::next(at_watch);
        }
      }
    }
  }
}

void HostWatcher::note(std::string path) {
  changed_.insert(std::move(path));
  if (flush_timer_ == 0) flush_timer_ = loop_.after(options_.settle, [this] { flush(); });
}

void HostWatcher::flush() {
  flush_timer_ = 0;
  std::vector<std::string> paths(changed_.begin(), changed_.end());
  changed_.clear();
  report_(std::move(paths));
}

}  // namespace hv::workspace
