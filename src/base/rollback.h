// Undo steps for a set-up of several steps: armed one by one, run backwards unless released at the end.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace hv::base {

class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback() {
    while (!steps_.empty()) {
      steps_.back()();
      steps_.pop_back();
    }
  }
  void add(std::function<void()> undo) { steps_.push_back(std::move(undo)); }
  void release() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace hv::base
