#include "service/sandbox_locks.h"

namespace hv::service {

SandboxLocks::Hold SandboxLocks::wait_for(const std::string& id) {
  auto held = held_.lock();
  released_.wait(held.lock(), [&] { return !held->contains(id); });
  held->try_emplace(id);
  return Hold(*this, id);
}

std::optional<SandboxLocks::Hold> SandboxLocks::try_hold(const std::string& id) {
  if (!held_.lock()->try_emplace(id).second) return std::nullopt;
  return std::optional<Hold>(std::in_place, *this, id);
}

void SandboxLocks::call_when_free(const std::string& id, std::function<void()> task) {
  {
    auto held = held_.lock();
    if (auto found = held->find(id); found != held->end()) return found->second.push_back(std::move(task));
  }
  task();
}

void SandboxLocks::release(const std::string& id) {
  auto node = held_.lock()->extract(id);
  released_.notify_all();
  for (const auto& task : node.mapped()) task();
}

}  // namespace hv::service
