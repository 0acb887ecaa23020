// What a program's event loop offers to the parts that do not know which loop it is. The daemon's is http::Loop.
#pragma once

#include <chrono>
#include <functional>

#include "base/subscription.h"

namespace hv::base {

class Reactor {
 public:
  enum class Interest { readable, writable };

  virtual ~Reactor() = default;
  // Runs `task` on the loop's thread, never inside this call. Any thread.
  virtual void post(std::function<void()> task) = 0;
  // Calls back on the loop's thread whenever `fd` is ready or has failed, again and again while it stays so. The caller
  // keeps the descriptor open, and watches it only once for each interest, until the subscription is dropped. After
  // that no callback runs. Loop's thread.
  [[nodiscard]] virtual Subscription watch(int fd, Interest interest, std::function<void()> callback) = 0;
  // Once after `delay`, unless the subscription is dropped before. Loop's thread.
  [[nodiscard]] virtual Subscription after(std::chrono::nanoseconds delay, std::function<void()> task) = 0;
};

}  // namespace hv::base
