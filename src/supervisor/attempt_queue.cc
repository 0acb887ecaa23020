#include "supervisor/attempt_queue.h"

#include <algorithm>
#include <utility>

namespace hv::supervisor {

namespace {

constexpr std::chrono::milliseconds kLookAgain{100};

}  // namespace

AttemptQueue::~AttemptQueue() {
  if (timer_ != 0) loop_.cancel(timer_);
}

void AttemptQueue::add(size_t bytes, std::function<void()> record) {
  if (waiting_.size() >= limits_.most_waiting) return;
  // One that is larger than any budget would wait for ever.
  waiting_.push_back({std::min(bytes, limits_.burst), std::move(record)});
  if (timer_ == 0) go_on();
}

void AttemptQueue::charge(size_t bytes) {
  earn();
  budget_ -= std::min(budget_, bytes);
}

void AttemptQueue::earn() {
  auto now = Clock::now();
  auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - earned_);
  size_t earned = static_cast<size_t>(passed.count()) * limits_.per_second / 1000;
  if (earned == 0) return;
  budget_ = std::min(limits_.burst, budget_ + earned);
  earned_ = now;
}

void AttemptQueue::go_on() {
  timer_ = 0;
  earn();
  while (!waiting_.empty() && waiting_.front().bytes <= budget_) {
    Attempt next = std::move(waiting_.front());
    waiting_.pop_front();
    budget_ -= next.bytes;
    next.record();
  }
  if (!waiting_.empty()) timer_ = loop_.after(kLookAgain, [this] { go_on(); });
}

}  // namespace hv::supervisor
