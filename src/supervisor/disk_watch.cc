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
      base::DiskWalk walk({root.directory.get()});
      while (!walk.step(kSlice)) {
      }
      root.before = walk.bytes();
    }
    watch.roots_.push_back(std::move(root));
  }
  return watch;
}

base::DiskWalk DiskWatch::walk_all() const {
  std::vector<int> roots;
  for (const Root& root : roots_) roots.push_back(root.directory.get());
  return base::DiskWalk(std::move(roots));
}

uint64_t DiskWatch::before() const {
  uint64_t sum = 0;
  for (const Root& root : roots_) sum += root.before;
  return sum;
}

uint64_t DiskWatch::measure() const {
  base::DiskWalk walk = walk_all();
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
    used += (system.f_blocks - system.f_bfree) * system.f_frsize +
            (system.f_files - system.f_ffree) * base::DiskWalk::kInode;
  }
  return used;
}

uint64_t DiskWatch::grown_since(uint64_t used) const {
  uint64_t now = used_of_file_systems();
  return now > used ? now - used : 0;
}

void DiskWatch::begin(base::EventLoop& loop, pid_t init, std::function<void()> over) {
  loop_ = &loop;
  init_ = init;
  over_ = std::move(over);
  used_at_start_ = used_of_file_systems();
  begin_walk();
}

void DiskWatch::begin_walk() {
  walk_.emplace(walk_all());
  unnamed_.emplace(init_);
  walk_began_ = std::chrono::steady_clock::now();
  used_then_ = used_of_file_systems();
  go_on_walking();
}

void DiskWatch::again_after(std::chrono::nanoseconds delay, void (DiskWatch::*step)()) {
  loop_->after(delay, [this, step] { (this->*step)(); });
}

void DiskWatch::tick() {
  uint64_t expected = counted_ + grown_since(used_then_);
  Time now = std::chrono::steady_clock::now();
  if ((expected >= limit_ && now >= next_walk_) || now >= sure_walk_) return begin_walk();
  uint64_t room = limit_ - std::min(limit_, expected);
  milliseconds until_full(room / kBytesPerMilli);
  again_after(std::clamp(until_full, kEager, kLazy), &DiskWatch::tick);
}

void DiskWatch::go_on_walking() {
  // What is counted already may be enough: the rest need not be known.
  bool done = walk_->step(kSlice) && unnamed_->step(kSlice);
  if (done || walk_->bytes() + unnamed_->bytes() > before() + limit_) return end_walk();
  again_after({}, &DiskWatch::go_on_walking);
}

void DiskWatch::end_walk() {
  uint64_t bytes = walk_->bytes() + unnamed_->bytes();
  counted_ = bytes - std::min(bytes, before());
  disturbed_ = walk_->disturbed() ? disturbed_ + 1 : 0;
  if (disturbed_ >= kPatience) counted_ = std::max(counted_, grown_since(used_at_start_));
  walk_.reset();
  unnamed_.reset();
  if (counted_ > limit_) return over_();
  Time now = std::chrono::steady_clock::now();
  next_walk_ = now + (now - walk_began_) * kRest;
  sure_walk_ = std::max(now + Time::duration(kSureWalk), next_walk_);
  again_after(kEager, &DiskWatch::tick);
}

}  // namespace hv::supervisor
