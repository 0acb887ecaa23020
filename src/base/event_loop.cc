#include "base/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/epoll.h>

namespace hv::base {

Result<EventLoop> EventLoop::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Failure(Error::from_errno(errno, "make an epoll instance"));
  return EventLoop(std::move(epoll));
}

Status EventLoop::watch(int fd, uint32_t events, Callback callback) {
  auto watch = std::make_shared<Watch>(fd, ++generation_, std::move(callback));
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<uint64_t>(fd);
  int operation = watches_.contains(fd) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0)
    return Failure(Error::from_errno(errno, "watch a descriptor"));
  watches_[fd] = std::move(watch);
  return {};
}

Status EventLoop::modify(int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<uint64_t>(fd);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0)
    return Failure(Error::from_errno(errno, "change a watched descriptor"));
  return {};
}

void EventLoop::unwatch(int fd) {
  if (watches_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::after(std::chrono::nanoseconds delay, Task task) {
  TimerId id = next_timer_++;
  timers_.emplace(std::pair(std::chrono::steady_clock::now() + delay, id), std::move(task));
  return id;
}

void EventLoop::cancel(TimerId id) {
  auto found =
      std::find_if(timers_.begin(), timers_.end(), [id](const auto& timer) { return timer.first.second == id; });
  if (found != timers_.end()) timers_.erase(found);
}

int EventLoop::next_timeout() const {
  if (timers_.empty()) return -1;
  auto wait = timers_.begin()->first.first - std::chrono::steady_clock::now();
  return std::max(0, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
}

void EventLoop::run_due_timers() {
  auto now = std::chrono::steady_clock::now();
  while (running_ && !timers_.empty() && timers_.begin()->first.first <= now) {
    Task task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
  }
}

Status EventLoop::run() {
  running_ = true;
  std::array<epoll_event, 64> events;
  while (running_) {
    int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), next_timeout());
    if (count < 0 && errno != EINTR) return Failure(Error::from_errno(errno, "wait for events"));
    uint64_t seen = generation_;
    for (int i = 0; i < count && running_; ++i) {
      auto found = watches_.find(static_cast<int>(events[i].data.u64));
      // A descriptor closed and reused within this batch is a new watch: the fetched event is not its own.
      if (found == watches_.end() || found->second->generation > seen) continue;
      std::shared_ptr<Watch> watch = found->second;
      watch->callback(events[i].events);
    }
    run_due_timers();
  }
  return {};
}

}  // namespace hv::base
