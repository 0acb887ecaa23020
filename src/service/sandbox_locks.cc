#include "service/sandbox_locks.h"

namespace hv::service {

SandboxLocks::Hold SandboxLocks::wait_for(const std::string& id) {
  auto held = held_.lock();
  released_.wait(held.lock(), [&] { return !held->contains(id); });
  held->insert(id);
  return Hold(*this, id);
}

std::optional<SandboxLocks::Hold> SandboxLocks::try_hold(const std::string& id) {
  if (!held_.lock()->insert(id).second) return std::nullopt;
  return std::optional<Hold>(std::in_place, *this, id);
}

void SandboxLocks::release(const std::string& id) {
  held_.lock()->erase(id);
  released_.notify_all();
}

}  // namespace hv::service
