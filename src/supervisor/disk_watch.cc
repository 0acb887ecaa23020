#include "supervisor/disk_watch.h"

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace hv::supervisor {

namespace {

using std::chrono::milliseconds;

constexpr size_t kSlice = 2000;  // a few milliseconds
constexpr milliseconds kLazy{500};
constexpr milliseconds kEager{10};
// A disk that is written faster than this is overshot by more.
constexpr uint64_t kBytesPerMilli = (uint64_t{1} << 30) / 1000;
constexpr std::chrono::seconds kSureWalk{10};
// A walk is followed by so many times its length without one.
constexpr int kRest = 20;
// After so many walks that could not see all, what the file system grew by is taken for the sandbox's.
constexpr int kPatience = 3;

}  // namespace

base::Result<DiskWatch> DiskWatch::open(const std::vector<std::string>& directories, const std::string& state,
                                        uint64_t limit) {
  DiskWatch watch;
  watch.limit_ = limit;
  for (const std::string& path : directories) {
    Root root;
    root.directory = HV_TRY(base::open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    bool layer = path.starts_with(state + "/") && path.ends_with("/upper");
    if (!layer) {
      DiskWalk walk({root.directory.get()});
      while (!walk.step(kSlice)) {
      }
      root.before = walk.bytes();
    }
    watch.roots_.push_back(std::move(root));
  }
  return watch;
}

DiskWalk DiskWatch::walk_all() const {
  std::vector<int> roots;
  for (const Root& root : roots_) roots.push_back(root.directory.get());
  return DiskWalk(std::move(roots));
}

uint64_t DiskWatch::before() const {
  uint64_t sum = 0;
  for (const Root& root : roots_) sum += root.before;
  return sum;
}

uint64_t DiskWatch::measure() const {
  DiskWalk walk = walk_all();
  while (!walk.step(kSlice)) {
  }
  return walk.bytes() - std::min(walk.bytes(), before());
}

uint64_t DiskWatch::used_of_file_systems() const {
  std::set<dev_t> seen;
  uint64_t used = 0;
  for (const Root& root : roots_) {
    struct stat about{};
    struct statvfs system{};
    if (::fstat(root.directory.get(), &about) != 0 || !seen.insert(about.st_dev).second) continue;
    if (::fstatvfs(root.directory.get(), &system) != 0) continue;
    used += (system.f_blocks - system.f_bfree) * system.f_frsize + (system.f_files - system.f_ffree) * DiskWalk::kInode;
  }
  return used;
}

uint64_t DiskWatch::grown_since(uint64_t used) const {
  uint64_t now = used_of_file_systems();
  return now > used ? now - used : 0;
}

void DiskWatch::begin(base::EventLoop& loop, std::function<void()> over) {
  loop_ = &loop;
  over_ = std::move(over);
  used_at_start_ = used_of_file_systems();
  walk_.emplace(walk_all());
  walk_began_ = std::chrono::steady_clock::now();
  used_then_ = used_at_start_;
  go_on_walking();
}

void DiskWatch::again_after(std::chrono::nanoseconds delay, void (DiskWatch::*step)()) {
  loop_->after(delay, [this, step] { (this->*step)(); });
}

void DiskWatch::tick() {
  uint64_t expected = counted_ + grown_since(used_then_);
  Time now = std::chrono::steady_clock::now();
  if ((expected >= limit_ && now >= next_walk_) || now >= sure_walk_) {
    walk_.emplace(walk_all());
    walk_began_ = now;
    used_then_ = used_of_file_systems();
    return go_on_walking();
  }
  uint64_t room = limit_ - std::min(limit_, expected);
  milliseconds until_full(room / kBytesPerMilli);
  again_after(std::clamp(until_full, kEager, kLazy), &DiskWatch::tick);
}

void DiskWatch::go_on_walking() {
  if (!walk_->step(kSlice)) {
    // What is counted already is enough: the rest need not be known.
    if (walk_->bytes() < before() + limit_) return again_after({}, &DiskWatch::go_on_walking);
  } else {
    disturbed_ = walk_->disturbed() ? disturbed_ + 1 : 0;
    counted_ = walk_->bytes() - std::min(walk_->bytes(), before());
    if (disturbed_ >= kPatience) counted_ = std::max(counted_, grown_since(used_at_start_));
  }
  bool over = walk_->bytes() > before() + limit_ || counted_ > limit_;
  walk_.reset();
  if (over) return over_();
  Time now = std::chrono::steady_clock::now();
  next_walk_ = now + (now - walk_began_) * kRest;
  sure_walk_ = std::max(now + Time::duration(kSureWalk), next_walk_);
  again_after(kEager, &DiskWatch::tick);
}

}  // namespace hv::supervisor
