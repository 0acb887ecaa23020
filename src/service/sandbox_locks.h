// One operation at a time on each sandbox's workspace. What waits holds a pool thread; what may not wait asks.
#pragma once

#include <condition_variable>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/guarded.h"

namespace hv::service {

// Thread-safe; outlives its holds.
class SandboxLocks {
 public:
  class Hold {
   public:
    Hold(SandboxLocks& locks, std::string id) : locks_(&locks), id_(std::move(id)) {}
    Hold(Hold&& other) noexcept : locks_(std::exchange(other.locks_, nullptr)), id_(std::move(other.id_)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (locks_ != nullptr) locks_->release(id_);
    }

   private:
    SandboxLocks* locks_;
    std::string id_;
  };

  // Blocks until nobody else holds this sandbox.
  [[nodiscard]] Hold wait_for(const std::string& id);
  // nullopt when somebody holds it.
  [[nodiscard]] std::optional<Hold> try_hold(const std::string& id);

 private:
  void release(const std::string& id);

  base::Guarded<std::set<std::string>> held_;
  std::condition_variable released_;
};

}  // namespace hv::service
