// The daemon's event loop: Asio behind base::Reactor. One thread runs it; everything of http/ and api/ happens there.
#pragma once

#include <memory>

#include "base/reactor.h"

namespace boost::asio {
class io_context;
}

namespace hv::http {

class Loop final : public base::Reactor {
 public:
  Loop();
  ~Loop() override;

  // Until stop(). What was posted before stop() and did not run yet is dropped with the loop.
  void run();
  // Any thread.
  void stop();

  void post(std::function<void()> task) override;
  // At once when called on the loop's thread while it runs, else like post().
  void dispatch(std::function<void()> task);
  base::Subscription watch(int fd, Interest interest, std::function<void()> callback) override;
  base::Subscription after(std::chrono::nanoseconds delay, std::function<void()> task) override;

  boost::asio::io_context& context() { return *context_; }

 private:
  std::unique_ptr<boost::asio::io_context> context_;
};

}  // namespace hv::http
