// When a sandbox ends for time: its wall time, its idle time, and the end of the hours in which its policy lets it run,
// each with a warning before. Pure: time is an argument,
// and it is the machine's running time, so that nobody who sets the clock moves an end.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"

namespace hv::supervisor {

class TimeLimits {
 public:
  using Duration = std::chrono::milliseconds;
  enum class Kind { wall, idle, window };

  struct Due {
    Kind kind = Kind::wall;
    Duration limit{0};
    Duration left{0};  // of a warning; zero: the end
  };

  // Zero is no limit.
  TimeLimits(Duration wall, Duration idle, base::MonotonicTime now, Duration window = Duration(0));

  // Something happened inside, or to it.
  void touch(base::MonotonicTime now);
  // A paused sandbox uses up none of its time, but the hours of its policy go on.
  void pause(base::MonotonicTime now);
  void resume(base::MonotonicTime now);
  bool paused() const { return paused_.has_value(); }
  // The wall time grows by `more`; the idle time does not end before `more` is over. The hours stay.
  void extend(Duration more, base::MonotonicTime now);

  // What is due now, once each; an end before a warning.
  std::optional<Due> take_due(base::MonotonicTime now);
  // How long nothing can be due; none while paused, and without limits.
  std::optional<std::chrono::nanoseconds> next(base::MonotonicTime now) const;

 private:
  struct Clock {
    Kind kind = Kind::wall;
    Duration limit{0};
    base::MonotonicTime end{};
    bool warned = false;
    base::MonotonicTime warning() const;
  };
  Clock wall_;
  Clock idle_;
  Clock window_;
  std::optional<base::MonotonicTime> paused_;
};

}  // namespace hv::supervisor
