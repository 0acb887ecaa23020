#include "gateway/rate_bound.h"

#include <algorithm>
#include <utility>

namespace hv::gateway {

namespace {

constexpr uint64_t kLeastPortion = 512;
constexpr uint64_t kMostSlice = 256 * 1024;
constexpr std::chrono::milliseconds kLeastWait{1};

}  // namespace

TokenBucket::TokenBucket(uint64_t bytes_per_second, base::MonotonicTime now)
    : rate_(static_cast<double>(bytes_per_second)),
      portion_(std::max(bytes_per_second / 50, kLeastPortion)),
      slice_(std::clamp(portion_ / 4, kLeastPortion, kMostSlice)),
      most_(std::max(rate_ / 10, static_cast<double>(portion_))),
      filled_(now) {}

uint64_t TokenBucket::available(base::MonotonicTime now) {
  // A clock that does not move, or goes back, gives nothing.
  if (now > filled_) {
    double seconds = std::chrono::duration<double>(now - filled_).count();
    tokens_ = std::min(most_, tokens_ + seconds * rate_);
    filled_ = now;
  }
  return static_cast<uint64_t>(tokens_);
}

void TokenBucket::take(uint64_t bytes) {
  tokens_ = std::max(0.0, tokens_ - static_cast<double>(bytes));
}

std::chrono::nanoseconds TokenBucket::until_portion(base::MonotonicTime now) {
  static_cast<void>(available(now));
  double missing = static_cast<double>(portion_) - tokens_;
  if (missing <= 0) return std::chrono::nanoseconds(0);
  return std::chrono::ceil<std::chrono::nanoseconds>(std::chrono::duration<double>(missing / rate_));
}

void RateBound::set(uint64_t bytes_per_second) {
  bucket_.reset();
  if (bytes_per_second != 0) bucket_.emplace(bytes_per_second, clock_.monotonic());
  loop_.cancel(std::exchange(timer_, 0));
  schedule();
}

size_t RateBound::bounded_allowance() {
  uint64_t slice = bucket_->slice();
  return bucket_->available(clock_.monotonic()) >= slice ? static_cast<size_t>(slice) : 0;
}

void RateBound::wait(std::function<void()> again) {
  waiting_.push_back(std::move(again));
  schedule();
}

void RateBound::schedule() {
  if (timer_ != 0 || waiting_.empty()) return;
  auto delay = bucket_ ? std::max<std::chrono::nanoseconds>(bucket_->until_portion(clock_.monotonic()), kLeastWait)
                       : std::chrono::nanoseconds(0);
  timer_ = loop_.after(delay, [this] {
    timer_ = 0;
    serve();
  });
}

// As many as there are turns for, so that thousands are not called for what a few take.
void RateBound::serve() {
  size_t turns = waiting_.size();
  if (bucket_) turns = std::min<size_t>(turns, bucket_->available(clock_.monotonic()) / bucket_->slice());
  for (; turns > 0; --turns) {
    std::function<void()> again = std::move(waiting_.front());
    waiting_.pop_front();
    again();
  }
  schedule();
}

}  // namespace hv::gateway
