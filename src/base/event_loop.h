// The event loop of the small programs (supervisor, gateway, init): epoll(7), one thread, callbacks. The daemon uses
// Asio.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/fd.h"

namespace hv::base {

class EventLoop {
 public:
  using Callback = std::function<void(uint32_t events)>;
  using Task = std::function<void()>;
  using TimerId = uint64_t;

  static Result<EventLoop> create();

  // Calls `callback` when `fd` has one of `events` (EPOLLIN, EPOLLOUT; EPOLLHUP and EPOLLERR always). The caller keeps
  // the descriptor open until unwatch(). Watching a watched descriptor replaces its events and callback.
  Status watch(int fd, uint32_t events, Callback callback);
  // Changes what is waited for and keeps the callback; 0 leaves only EPOLLHUP and EPOLLERR.
  Status modify(int fd, uint32_t events);
  // No callback of `fd` runs after this returns, not even one already fetched from the kernel.
  void unwatch(int fd);

  // Runs `task` once after `delay`, unless cancelled before.
  TimerId after(std::chrono::nanoseconds delay, Task task);
  void cancel(TimerId id);

  // Runs until stop(). An error of epoll_wait itself is the only failure.
  Status run();
  void stop() { running_ = false; }

 private:
  struct Watch {
    int fd;
    uint64_t generation;
    Callback callback;
  };
  explicit EventLoop(Fd epoll) : epoll_(std::move(epoll)) {}
  int next_timeout() const;
  void run_due_timers();

  Fd epoll_;
  bool running_ = false;
  uint64_t generation_ = 0;
  std::map<int, std::shared_ptr<Watch>> watches_;
  TimerId next_timer_ = 1;
  std::map<std::pair<std::chrono::steady_clock::time_point, TimerId>, Task> timers_;
};

}  // namespace hv::base
