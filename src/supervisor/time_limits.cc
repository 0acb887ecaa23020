#include "supervisor/time_limits.h"

#include <algorithm>

namespace hv::supervisor {

namespace {

// Long enough to save one's work and to ask for more, and never most of the time itself.
constexpr std::chrono::milliseconds kWarnBefore = std::chrono::minutes(5);

}  // namespace

base::MonotonicTime TimeLimits::Clock::warning() const {
  return end - std::min(kWarnBefore, limit / 10);
}

TimeLimits::TimeLimits(Duration wall, Duration idle, base::MonotonicTime now, Duration window)
    : wall_{Kind::wall, wall, now + wall, false},
      idle_{Kind::idle, idle, now + idle, false},
      window_{Kind::window, window, now + window, false} {}

void TimeLimits::touch(base::MonotonicTime now) {
  // An extension may have moved the end beyond what a touch gives.
  if (now + idle_.limit <= idle_.end) return;
  idle_.end = now + idle_.limit;
  idle_.warned = false;
}

void TimeLimits::pause(base::MonotonicTime now) {
  if (!paused_) paused_ = now;
}

void TimeLimits::resume(base::MonotonicTime now) {
  if (!paused_) return;
  wall_.end += now - *paused_;
  idle_.end += now - *paused_;
  paused_.reset();
}

void TimeLimits::extend(Duration more, base::MonotonicTime now) {
  wall_.end += more;
  wall_.warned = false;
  idle_.end = std::max(idle_.end, paused_.value_or(now) + more);
  idle_.warned = false;
}

std::optional<TimeLimits::Due> TimeLimits::take_due(base::MonotonicTime now) {
  if (paused_) return std::nullopt;
  for (const Clock* clock : {&window_, &wall_, &idle_})
    if (clock->limit.count() != 0 && now >= clock->end) return Due{clock->kind, clock->limit, Duration{0}};
  for (Clock* clock : {&window_, &wall_, &idle_}) {
    if (clock->limit.count() == 0 || clock->warned || now < clock->warning()) continue;
    clock->warned = true;
    return Due{clock->kind, clock->limit, std::chrono::ceil<Duration>(clock->end - now)};
  }
  return std::nullopt;
}

std::optional<std::chrono::nanoseconds> TimeLimits::next(base::MonotonicTime now) const {
  if (paused_) return std::nullopt;
  std::optional<std::chrono::nanoseconds> soonest;
  for (const Clock* clock : {&window_, &wall_, &idle_}) {
    if (clock->limit.count() == 0) continue;
    std::chrono::nanoseconds left = (clock->warned ? clock->end : clock->warning()) - now;
    left = std::max(left, std::chrono::nanoseconds(0));
    soonest = soonest ? std::min(*soonest, left) : left;
  }
  return soonest;
}

}  // namespace hv::supervisor
