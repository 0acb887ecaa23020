// The spare supervisor: one that is there before it is wanted, with the groundwork of the start that will probably
// come.
#include <cerrno>

#include <sys/wait.h>

#include "service/life_cycle.h"

namespace hv::service {

using base::Result;

// It is started when a run ends, or once the machine has had a moment for the one that took the last.
static constexpr std::chrono::milliseconds kRefillAfter{20};

// The spare one where it fits. One that does not is dropped: it has the ids of this plan, and the next is prepared for
// starts like this.
Result<runtime::SupervisorLink> LifeCycle::take_supervisor(const LaunchPlan& plan) {
  last_ground_ = plan.spec.ground;
  last_user_namespace_ = plan.user_namespace;
  spare_timer_ = with_.loop.after(kRefillAfter, [this] { refill_spare(); });
  if (spare_ && !spare_->fits(plan.spec.ground)) drop_spare();
  if (!spare_) return with_.supervisors.start();
  runtime::SupervisorLink link = std::move(*spare_).take();
  spare_.reset();
  return link;
}

void LifeCycle::refill_spare() {
  if (spare_ || spare_begins_) return;
  if (!with_.supervisors.asks_systemd()) {
    // Without one the next run starts its own, which also reports why it cannot.
    if (auto link = with_.supervisors.start()) prepare_spare(*std::move(link));
    return;
  }
  spare_begins_ = true;
  with_.later([this] {
    auto link = std::make_shared<Result<runtime::SupervisorLink>>(with_.supervisors.start());
    with_.loop.post([this, link] {
      spare_begins_ = false;
      if (*link) prepare_spare(std::move(**link));
    });
  });
}

void LifeCycle::prepare_spare(runtime::SupervisorLink link) {
  std::optional<core::Groundwork> ground = last_ground_;
  if (ground && !with_.planner.renew(*ground, used_ranges())) ground.reset();
  auto spare = SpareSupervisor::prepare(std::move(link), std::move(ground), last_user_namespace_);
  if (spare) spare_ = *std::move(spare);
}

void LifeCycle::drop_spare() {
  pid_t child = spare_->child();
  spare_.reset();
  // Its socket is closed: it ends by itself.
  with_.later([child] {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  });
}

std::vector<core::IdRange> LifeCycle::used_ranges() const {
  std::vector<core::IdRange> used;
  for (const auto& [id, other] : sandboxes_)
    if (other->stored.id_base) used.push_back({0, *other->stored.id_base, 65536});
  return used;
}

}  // namespace hv::service
