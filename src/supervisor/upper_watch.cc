#include "supervisor/upper_watch.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "base/format.h"

namespace hv::supervisor {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;

namespace {

constexpr uint32_t kAsked = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE;
// What comes within this time of the first is read together: a new directory is watched that late, and looked through.
constexpr std::chrono::milliseconds kGather{50};
constexpr std::chrono::seconds kTogether{1};
constexpr std::chrono::seconds kOfHost{3};

std::string below(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

// The agent made these names: no link of its leads anywhere.
Result<base::Fd> open_directory(const base::Fd& top, const std::string& path) {
  return base::open_resolving(top.get(), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                              RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

}  // namespace

Result<std::unique_ptr<UpperWatch>> UpperWatch::open(base::EventLoop& loop, const std::vector<Place>& places,
                                                     Hooks hooks, UpperWatchLimits limits) {
  std::unique_ptr<UpperWatch> self(new UpperWatch(loop, std::move(hooks), limits));
  self->inotify_ = base::Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!self->inotify_) return Failure(Error::from_errno(errno, "watch the layer of a copy"));
  for (const Place& place : places) {
    LayeredPlace layered{.upper = HV_TRY(base::open_file(place.upper, O_RDONLY | O_DIRECTORY)),
                         .lower = HV_TRY(base::open_file(place.lower, O_PATH | O_DIRECTORY)),
                         .target = place.target};
    self->places_.push_back(std::move(layered));
  }
  return self;
}

UpperWatch::~UpperWatch() {
  loop_.unwatch(inotify_.get());
  for (const auto& timer : {drain_timer_, write_timer_})
    if (timer) loop_.cancel(*timer);
}

void UpperWatch::begin() {
  for (size_t place = 0; place < places_.size(); ++place) watch_tree(place, "", false);
  if (Status watching = loop_.watch(inotify_.get(), EPOLLIN, [this](uint32_t) { on_readable(); }); !watching)
    tell_gap(watching.error().message());
}

bool UpperWatch::watch_directory(size_t place, const std::string& path) {
  if (directories_.size() >= limits_.directories) {
    tell_gap(base::format("only {} directories are watched", limits_.directories));
    return false;
  }
  auto directory = open_directory(places_[place].upper, path);
  if (!directory) {
    // Or it is gone again, or another file by now. As real root the supervisor has no right of root's for this.
    if (directory.error().os_error() == EACCES) tell_gap("a directory that only the agent may read is not watched");
    return false;
  }
  // The one name by which a process without a view of the host's files can still reach a directory it holds.
  std::string name = "/proc/self/fd/" + std::to_string(directory->get());
  int watch = ::inotify_add_watch(inotify_.get(), name.c_str(), kAsked | IN_ONLYDIR | IN_EXCL_UNLINK);
  if (watch < 0) {
    tell_gap(base::format("a directory cannot be watched: {}", ::strerrordesc_np(errno)));
    return false;
  }
  directories_[watch] = {place, path};
  return true;
}

// With `tell`, what lies in it already has come since the directory was made.
void UpperWatch::watch_tree(size_t place, const std::string& path, bool tell) {
  std::vector<std::string> waiting{path};
  while (!waiting.empty()) {
    std::string current = std::move(waiting.back());
    waiting.pop_back();
    if (!watch_directory(place, current)) continue;
    auto directory = open_directory(places_[place].upper, current);
    DIR* stream = directory ? ::fdopendir(directory->release()) : nullptr;
    while (const dirent* entry = stream != nullptr ? ::readdir(stream) : nullptr) {
      std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      Spot spot{place, below(current, name)};
      if (TouchedFile* file = tell ? touch(spot) : nullptr) file->appeared = true;
      if (entry->d_type == DT_DIR) waiting.push_back(std::move(spot.second));
    }
    if (stream != nullptr) ::closedir(stream);
  }
}

TouchedFile* UpperWatch::touch(const Spot& spot) {
  auto found = touched_.find(spot);
  if (found != touched_.end()) return &found->second;
  if (touched_.size() >= limits_.touched) {
    tell_gap(base::format("more than {} files changed within a second", limits_.touched));
    return nullptr;
  }
  return &touched_[spot];
}

void UpperWatch::on_readable() {
  if (touched_.empty()) since_ = file_clock();
  static_cast<void>(loop_.modify(inotify_.get(), 0));
  drain_timer_ = loop_.after(kGather, [this] {
    drain_timer_.reset();
    drain();
    static_cast<void>(loop_.modify(inotify_.get(), EPOLLIN));
    if (!touched_.empty() && !write_timer_)
      write_timer_ = loop_.after(kTogether, [this] {
        write_timer_.reset();
        write();
      });
  });
}

void UpperWatch::drain() {
  alignas(inotify_event) std::array<char, 65536> bytes;
  for (;;) {
    ssize_t size = ::read(inotify_.get(), bytes.data(), bytes.size());
    if (size <= 0) return;
    for (size_t at = 0; at < static_cast<size_t>(size);) {
      inotify_event event;
      std::memcpy(&event, bytes.data() + at, sizeof event);
      const char* name = bytes.data() + at + sizeof event;
      handle(event.wd, event.mask, event.cookie, event.len == 0 ? std::string_view() : std::string_view(name));
      at += sizeof event + event.len;
    }
  }
}

void UpperWatch::handle(int watch, uint32_t mask, uint32_t cookie, std::string_view name) {
  if ((mask & IN_Q_OVERFLOW) != 0) return tell_gap("the kernel dropped some of its reports");
  auto directory = directories_.find(watch);
  if (directory == directories_.end()) return;
  if ((mask & IN_IGNORED) != 0) {
    directories_.erase(directory);
    return;
  }
  if (name.empty()) return;
  Spot spot{directory->second.place, below(directory->second.path, name)};
  TouchedFile* file = touch(spot);
  if (file == nullptr) return;
  bool is_directory = (mask & IN_ISDIR) != 0;
  if ((mask & IN_MODIFY) != 0) file->written = true;
  if ((mask & IN_CLOSE_WRITE) != 0) file->closed = true;
  if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) file->left = true;
  if ((mask & IN_MOVED_FROM) != 0) moves_[cookie] = {spot, is_directory};
  if ((mask & (IN_CREATE | IN_MOVED_TO)) == 0) return;
  auto move = (mask & IN_MOVED_TO) != 0 ? moves_.extract(cookie) : decltype(moves_)::node_type();
  if (move.empty()) {
    file->appeared = true;
    if (is_directory) watch_tree(spot.first, spot.second, true);
    return;
  }
  const TouchedFile& old = touched_[move.mapped().from];
  // What came to be in this moment was never anywhere else, for whoever looks now.
  if (old.appeared && !lies_below(places_[move.mapped().from.first], move.mapped().from.second)) {
    file->appeared = true;
    file->from = old.from;
  } else {
    file->from = move.mapped().from;
  }
  file->written = file->written || old.written;
  file->closed = file->closed || old.closed;
  if (is_directory) move_directories(move.mapped().from, spot);
}

void UpperWatch::move_directories(const Spot& from, const Spot& to) {
  for (auto& [watch, directory] : directories_) {
    if (directory.place != from.first) continue;
    if (directory.path != from.second && !directory.path.starts_with(from.second + "/")) continue;
    directory = {to.first, to.second + directory.path.substr(from.second.size())};
  }
}

void UpperWatch::expect_host(const std::string& path) {
  of_host_[path] = std::chrono::steady_clock::now() + kOfHost;
}

void UpperWatch::write() {
  // Moves whose other half did not come went out of the layer.
  moves_.clear();
  auto now = std::chrono::steady_clock::now();
  std::erase_if(of_host_, [&](const auto& expected) { return expected.second < now; });
  for (monitor::FileSeen& seen : what_became(places_, std::exchange(touched_, {}), since_))
    if (!of_host_.contains(seen.path)) unwritten_.push_back(std::move(seen));
  since_ = file_clock();
  size_t written = 0;
  while (written < unwritten_.size() && hooks_.record(unwritten_[written])) ++written;
  unwritten_.erase(unwritten_.begin(), unwritten_.begin() + static_cast<ptrdiff_t>(written));
  if (unwritten_.empty() || write_timer_) return;
  if (unwritten_.size() > limits_.touched) {
    unwritten_.resize(limits_.touched);
    tell_gap("what changed could not be recorded");
  }
  write_timer_ = loop_.after(kTogether, [this] {
    write_timer_.reset();
    write();
  });
}

void UpperWatch::flush() {
  if (touched_.empty()) since_ = file_clock() - std::chrono::nanoseconds(kGather).count();
  drain();
  write();
}

void UpperWatch::tell_gap(const std::string& reason) {
  if (!std::exchange(told_gap_, true)) hooks_.gap(reason);
}

}  // namespace hv::supervisor
