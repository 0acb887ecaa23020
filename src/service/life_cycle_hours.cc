// The end of the hours in which a policy lets a sandbox run. Its supervisor counts running time and ends it in order;
// here the clock on the wall is looked at, for when it is set forward, the machine slept, or the sandbox is frozen.
#include <algorithm>

#include "isolation/cgroup.h"
#include "service/life_cycle.h"
#include "service/life_cycle_text.h"

namespace hv::service {

using base::Status;
using core::SandboxState;

namespace {

constexpr std::chrono::seconds kLookEvery{20};
// What the supervisor has for itself, to end it in order.
constexpr std::chrono::seconds kSlack{3};
constexpr uint32_t kGraceMillis = 10'000;

}  // namespace

void LifeCycle::watch_hours(const Pointer& sandbox, bool again) {
  if (!sandbox->stored.ends_at || sandbox->foreign_protocol) return;
  base::WallTime end{std::chrono::seconds(*sandbox->stored.ends_at) + kSlack};
  auto left = std::max<std::chrono::nanoseconds>(end - base::system_clock().wall(), std::chrono::milliseconds(0));
  auto look = [this, weak = std::weak_ptr(sandbox), end] {
    Pointer still = weak.lock();
    if (!still || !still->link || still->state() == SandboxState::stopping) return;
    if (base::system_clock().wall() < end) return watch_hours(still);
    bool paused = still->state() == SandboxState::paused;
    Status told = record(*still, "sandbox.stopping", {{"rule", "time"}});
    if (told) told = still->link->stop(kGraceMillis, still->stored.end_reason + " was over");
    // What cannot be recorded or told is tried again with the next look.
    if (!told) return watch_hours(still, true);
    if (paused) {
      // It cannot end before it is thawed.
      static_cast<void>(still->link->tell_paused(false));
      static_cast<void>(isolation::Cgroup(still->stored.info.cgroups).thaw());
    }
    set_state(*still, SandboxState::stopping);
    kill_supervisor_after(still, std::chrono::milliseconds(kGraceMillis));
  };
  sandbox->hours =
      with_.loop.after(again ? kLookEvery : std::min<std::chrono::nanoseconds>(left, kLookEvery), std::move(look));
}

}  // namespace hv::service
