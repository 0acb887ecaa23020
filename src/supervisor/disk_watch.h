// The watched bound on what a sandbox adds to its layers and its home. Asking the file system how full it is costs a
// microsecond and is done often, the more often the nearer the limit; the trees are walked only when it has got so much
// fuller that the limit could be reached, and now and then, since others may have freed meanwhile what was taken here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/disk_walk.h"
#include "base/event_loop.h"
#include "base/fd.h"
#include "supervisor/unnamed_files.h"

namespace hv::supervisor {

class DiskWatch {
 public:
  // The `layers` count whole, the others (homes, which lived before) from now on.
  static base::Result<DiskWatch> open(const std::vector<std::string>& directories, const std::string& state,
                                      uint64_t limit);

  // Calls `over` once, from the loop, when the limit is passed. Files without a name count while a process below `init`
  // holds them open.
  void begin(base::EventLoop& loop, pid_t init, std::function<void()> over);
  // Whole and at once: for when nothing runs inside any more.
  uint64_t measure() const;
  uint64_t limit() const { return limit_; }
  // The last count of a whole walk.
  uint64_t counted() const { return counted_; }

 private:
  struct Root {
    base::Fd directory;
    uint64_t before = 0;
  };
  using Time = std::chrono::steady_clock::time_point;
  base::DiskWalk walk_all() const;
  uint64_t before() const;
  uint64_t used_of_file_systems() const;
  uint64_t grown_since(uint64_t used) const;
  void tick();
  void begin_walk();
  void go_on_walking();
  void end_walk();
  void again_after(std::chrono::nanoseconds delay, void (DiskWatch::*step)());

  std::vector<Root> roots_;
  uint64_t limit_ = 0;
  base::EventLoop* loop_ = nullptr;
  std::function<void()> over_;
  std::optional<base::DiskWalk> walk_;
  std::optional<UnnamedFiles> unnamed_;
  pid_t init_ = 0;
  int disturbed_ = 0;       // walks in a row that could not see all
  uint64_t counted_ = 0;    // by the last walk
  uint64_t used_then_ = 0;  // of the file systems, when the last walk began
  uint64_t used_at_start_ = 0;
  Time walk_began_{};
  Time next_walk_{};  // not sooner: walking must not become the load
  Time sure_walk_{};  // not later
};

}  // namespace hv::supervisor
