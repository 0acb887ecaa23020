#include "service/log_cases.h"

#include <array>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk_walk.h"
#include "base/fd.h"
#include "isolation/cgroup_meter.h"
#include "service/usage_cases.h"
#include "shimwire/log_file.h"

namespace hv::service {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;

bool runs(core::SandboxState state) {
  return state != core::SandboxState::created && state != core::SandboxState::stopped;
}

struct Follower {
  Fd notify;
  base::Subscription events;
  base::Subscription tick;
  std::function<void()> wake;
  base::Reactor* loop = nullptr;
};

void tick_again(const std::shared_ptr<Follower>& follower) {
  std::weak_ptr<Follower> weak = follower;
  follower->tick = follower->loop->after(std::chrono::seconds(1), [weak] {
    auto still = weak.lock();
    if (!still) return;
    still->wake();
    tick_again(still);
  });
}

// What the copy-on-write layer takes on disk, in blocks as du(1) counts.
uint64_t disk_usage(const std::string& directory) {
  Result<Fd> root = base::open_file(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!root) return 0;
  base::DiskWalk walk({root->get()});
  while (!walk.step(1000)) {
  }
  return walk.bytes();
}

}  // namespace

Result<LogChunk> LogCases::read_log(std::string_view sandbox, uint64_t offset, size_t limit) const {
  SandboxView view = HV_TRY(sandboxes_.find(sandbox));
  LogChunk chunk;
  chunk.next = offset;
  // Read before the file: a log that ended between the two is then seen as still growing, and asked for once more.
  chunk.ended = !runs(view.info.state);
  Result<Fd> file = base::open_file(view.directory + "/log", O_RDONLY | O_NOFOLLOW);
  if (!file && file.error().code() == base::ErrorCode::not_found) return chunk;
  if (!file) return Failure(std::move(file).error());
  shimwire::LogPiece piece = HV_TRY_CONTEXT(shimwire::read_log_file(file->get(), offset, limit), view.info.name);
  // More may lie behind what was read.
  if (!piece.bytes.empty()) chunk.ended = false;
  chunk.bytes = std::move(piece.bytes);
  chunk.next = piece.next;
  return chunk;
}

Result<core::Subscription> LogCases::watch_log(std::string_view sandbox, std::function<void()> wake) const {
  SandboxView view = HV_TRY(sandboxes_.find(sandbox));
  auto follower = std::make_shared<Follower>();
  follower->wake = std::move(wake);
  follower->loop = &loop_;
  follower->notify = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!follower->notify) return Failure(Error::from_errno(errno, "follow the log of", view.info.name));
  if (::inotify_add_watch(follower->notify.get(), (view.directory + "/log").c_str(), IN_MODIFY) >= 0) {
    std::weak_ptr<Follower> weak = follower;
    follower->events = loop_.watch(follower->notify.get(), base::Reactor::Interest::readable, [weak] {
      auto still = weak.lock();
      if (!still) return;
      std::array<char, 4096> drained;
      while (::read(still->notify.get(), drained.data(), drained.size()) > 0) {
      }
      still->wake();
    });
  }
  tick_again(follower);
  return core::Subscription([follower]() mutable {
    follower->events.reset();
    follower->tick.reset();
  });
}

Result<core::SandboxStats> LogCases::stats(std::string_view sandbox) const {
  SandboxView view = HV_TRY(sandboxes_.find(sandbox));
  bool counted = runs(view.info.state) && !view.info.cgroups.empty();
  core::SandboxStats stats =
      to_stats(view, counted ? isolation::CgroupMeter(view.info.cgroups) : isolation::CgroupMeter());
  if (view.info.workspace.mode == core::WorkspaceMode::cow)
    stats.workspace_bytes = disk_usage(view.directory + "/workspace/upper");
  return stats;
}

}  // namespace hv::service
