// What happened lately, in bounded memory: amounts of the last while, and which records the newest of them were. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace hv::behavior {

// Time is cut into 64 parts of the window's length, of which the newest 65 count: what is older than the length by less
// than a 64th of it may still be in the sum. Adding costs the same however much there is.
class Window {
 public:
  static constexpr uint64_t kUnknown = ~uint64_t{0};
  static constexpr size_t kParts = 64;
  static constexpr size_t kRemembered = 64;

  explicit Window(std::chrono::milliseconds length);

  // Time does not go back: an earlier `now` counts as the latest that was given. `record` is kUnknown where it has no
  // index.
  void add(base::MonotonicTime now, uint64_t amount, uint64_t record);
  uint64_t total(base::MonotonicTime now);
  void clear();
  // The records of what is in the window, the oldest first: the last 64, without those that are not known.
  std::vector<uint64_t> records(base::MonotonicTime now);

 private:
  struct Part {
    int64_t number = -1;  // of the time that it stands for
    uint64_t amount = 0;
  };
  struct Remembered {
    int64_t number = -1;
    uint64_t record = kUnknown;
  };
  int64_t advance(base::MonotonicTime now);

  int64_t width_;
  int64_t newest_ = 0;
  std::array<Part, kParts + 1> parts_{};
  std::array<Remembered, kRemembered> remembered_{};
  size_t next_ = 0;
  uint64_t total_ = 0;
};

}  // namespace hv::behavior
