// One operation at a time on each sandbox's workspace: comparing, applying, starting, removing. What waits holds a pool
// thread; the loop, which may not wait, asks to be told.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  // Calls `task` once nobody holds this sandbox, on the thread that let it go, or here and now. By then somebody else
  // may hold it again.
  void call_when_free(const std::string& id, std::function<void()> task);

 private:
  void release(const std::string& id);

  // What is held, and who is to be told of its release.
  base::Guarded<std::map<std::string, std::vector<std::function<void()>>>> held_;
  std::condition_variable released_;
};

}  // namespace hv::service
