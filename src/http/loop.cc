#include "http/loop.h"

#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace hv::http {

namespace asio = boost::asio;

namespace {

struct Watch : std::enable_shared_from_this<Watch> {
  Watch(asio::io_context& context, std::function<void()> call) : descriptor(context), callback(std::move(call)) {}

  void wait() {
    descriptor.async_wait(condition, [self = shared_from_this()](const boost::system::error_code& error) {
      if (self->ended || error == asio::error::operation_aborted) return;
      self->callback();
      if (!self->ended) self->wait();
    });
  }

  void end() {
    ended = true;
    // The descriptor is the caller's: given back, not closed.
    if (descriptor.is_open()) descriptor.release();
  }

  asio::posix::stream_descriptor descriptor;
  asio::posix::stream_descriptor::wait_type condition = asio::posix::stream_descriptor::wait_read;
  std::function<void()> callback;
  bool ended = false;
};

struct Timer {
  Timer(asio::io_context& context, std::function<void()> work) : timer(context), task(std::move(work)) {}
  asio::steady_timer timer;
  std::function<void()> task;
  bool ended = false;
};

}  // namespace

Loop::Loop() : context_(std::make_unique<asio::io_context>(1)) {}
Loop::~Loop() = default;

void Loop::run() {
  auto work = asio::make_work_guard(*context_);
  context_->run();
}

void Loop::stop() {
  context_->stop();
}

void Loop::post(std::function<void()> task) {
  asio::post(*context_, std::move(task));
}

void Loop::dispatch(std::function<void()> task) {
  asio::dispatch(*context_, std::move(task));
}

base::Subscription Loop::watch(int fd, Interest interest, std::function<void()> callback) {
  auto watch = std::make_shared<Watch>(*context_, std::move(callback));
  boost::system::error_code error;
  watch->descriptor.assign(fd, error);
  if (interest == Interest::writable) watch->condition = asio::posix::stream_descriptor::wait_write;
  if (error) {
    // A regular file cannot be waited for: it is always ready. Said once; the caller's read tells the rest.
    post([watch] {
      if (!watch->ended) watch->callback();
    });
  } else {
    watch->wait();
  }
  return base::Subscription([watch] { watch->end(); });
}

base::Subscription Loop::after(std::chrono::nanoseconds delay, std::function<void()> task) {
  auto timer = std::make_shared<Timer>(*context_, std::move(task));
  timer->timer.expires_after(delay);
  timer->timer.async_wait([timer](const boost::system::error_code& error) {
    // Taken out first: a task often holds what holds its subscription.
    auto task = std::exchange(timer->task, nullptr);
    if (!timer->ended && !error) task();
  });
  return base::Subscription([timer] {
    timer->ended = true;
    timer->timer.cancel();
  });
}

}  // namespace hv::http
