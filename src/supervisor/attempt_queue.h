// What the gateway asks to have recorded before it goes on, in its order, and no faster than a disk can hold for ever:
// past a budget an attempt waits, and with it the connection or request that it is about.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>

#include "base/event_loop.h"

namespace hv::supervisor {

class AttemptQueue {
 public:
  struct Limits {
    size_t burst = size_t{4} << 20;        // bytes of records; some twelve thousand connections and their ends
    size_t per_second = size_t{16} << 10;  // and as the budget comes back
    size_t most_waiting = 8192;            // a gateway that asks for more at once has no answer
  };
  using Clock = std::chrono::steady_clock;

  AttemptQueue(base::EventLoop& loop, Limits limits) : loop_(loop), limits_(limits), budget_(limits.burst) {}
  ~AttemptQueue();
  AttemptQueue(const AttemptQueue&) = delete;
  AttemptQueue& operator=(const AttemptQueue&) = delete;

  // `record` runs once this many bytes fit into the budget, perhaps within this call.
  void add(size_t bytes, std::function<void()> record);
  // Something else was recorded of the network: an end, which nothing may hold up.
  void charge(size_t bytes);
  // Who asked has gone: what waits is never recorded, and never happens.
  void forget() { waiting_.clear(); }
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Attempt {
    size_t bytes;
    std::function<void()> record;
  };
  void earn();
  void go_on();

  base::EventLoop& loop_;
  Limits limits_;
  size_t budget_;
  Clock::time_point earned_ = Clock::now();
  std::deque<Attempt> waiting_;
  base::EventLoop::TimerId timer_ = 0;
};

}  // namespace hv::supervisor
