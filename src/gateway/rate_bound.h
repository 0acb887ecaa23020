// How many bytes a second a sandbox may send and receive, both together: one token bucket for all its connections,
// host ports too. Whoever finds it empty waits in line, and is called when there is something again.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "base/clock.h"
#include "base/event_loop.h"

namespace hv::gateway {

// Fills up with time; holds a tenth of a second's worth, so that what was not used is not saved for later.
class TokenBucket {
 public:
  TokenBucket(uint64_t bytes_per_second, base::MonotonicTime now);

  // What one turn takes; never more than the bucket holds.
  uint64_t slice() const { return slice_; }
  // What is waited for once it is empty: a few turns, so that it is not waited for each of them.
  uint64_t portion() const { return portion_; }
  uint64_t available(base::MonotonicTime now);
  void take(uint64_t bytes);
  std::chrono::nanoseconds until_portion(base::MonotonicTime now);

 private:
  double rate_;
  uint64_t portion_;
  uint64_t slice_;
  double most_;
  double tokens_ = 0;
  base::MonotonicTime filled_;
};

class RateBound {
 public:
  explicit RateBound(base::EventLoop& loop, const base::Clock& clock = base::system_clock())
      : loop_(loop), clock_(clock) {}
  ~RateBound() { loop_.cancel(timer_); }
  RateBound(const RateBound&) = delete;

  // From now on; 0: no bound.
  void set(uint64_t bytes_per_second);
  bool holds() const { return bucket_.has_value(); }
  // How many bytes may be read now, by whoever asks. 0: wait().
  size_t allowance() { return bucket_ ? bounded_allowance() : SIZE_MAX; }
  void take(size_t bytes) {
    if (bucket_) bucket_->take(bytes);
  }
  // `again` runs once, from the loop, in the order of asking.
  void wait(std::function<void()> again);

 private:
  size_t bounded_allowance();
  void schedule();
  void serve();

  base::EventLoop& loop_;
  const base::Clock& clock_;
  std::optional<TokenBucket> bucket_;
  std::deque<std::function<void()>> waiting_;
  base::EventLoop::TimerId timer_ = 0;
};

}  // namespace hv::gateway
