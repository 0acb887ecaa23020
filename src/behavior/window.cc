#include "behavior/window.h"

#include <algorithm>
#include <limits>

namespace hv::behavior {

namespace {

// A sum that an agent drives to the end of its range stays there instead of beginning anew.
uint64_t add_up(uint64_t a, uint64_t b) {
  return a > std::numeric_limits<uint64_t>::max() - b ? std::numeric_limits<uint64_t>::max() : a + b;
}

}  // namespace

Window::Window(std::chrono::milliseconds length)
    : width_(std::max<int64_t>(std::chrono::nanoseconds(length).count() / static_cast<int64_t>(kParts), 1)) {}

// The number of the present part; what is too old leaves.
int64_t Window::advance(base::MonotonicTime now) {
  int64_t number = std::max(now.count() / width_, newest_);
  if (number == newest_) return number;
  newest_ = number;
  total_ = 0;
  for (Part& part : parts_) {
    if (part.number + static_cast<int64_t>(kParts) < number) part = {};
    total_ = add_up(total_, part.amount);
  }
  return number;
}

void Window::add(base::MonotonicTime now, uint64_t amount, uint64_t record) {
  int64_t number = advance(now);
  Part& part = parts_[static_cast<size_t>(number) % parts_.size()];
  if (part.number != number) part = {number, 0};
  part.amount = add_up(part.amount, amount);
  total_ = add_up(total_, amount);
  remembered_[next_++ % kRemembered] = {number, record};
}

uint64_t Window::total(base::MonotonicTime now) {
  advance(now);
  return total_;
}

void Window::clear() {
  parts_.fill({});
  remembered_.fill({});
  total_ = 0;
}

std::vector<uint64_t> Window::records(base::MonotonicTime now) {
  int64_t number = advance(now);
  std::vector<uint64_t> records;
  for (size_t i = 0; i < kRemembered; ++i) {
    const Remembered& each = remembered_[(next_ + i) % kRemembered];
    if (each.record != kUnknown && each.number >= 0 && each.number + static_cast<int64_t>(kParts) >= number)
      records.push_back(each.record);
  }
  return records;
}

}  // namespace hv::behavior
