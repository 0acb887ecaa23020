// One sandbox as the life cycle holds it: what is stored, and while it runs the link to its supervisor.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/subscription.h"
#include "core/id.h"
#include "core/launch.h"
#include "runtime/supervisor_link.h"
#include "service/service.h"
#include "shimwire/spool.h"
#include "store/sandbox_store.h"

namespace hv::service {

struct LiveSandbox {
  store::StoredSandbox stored;
  std::string directory;

  // While a supervisor lives.
  std::optional<runtime::SupervisorLink> link;
  base::Subscription messages;
  base::Subscription deadline;
  std::optional<shimwire::SpoolReader> spool;
  uint64_t last_job = 1;
  bool stop_asked = false;

  // Who waits for what. Replies are given once, on the loop's thread.
  std::vector<Reply<core::SandboxInfo>> on_started;
  std::vector<Reply<core::SandboxInfo>> on_stopped;
  std::list<Reply<core::Outcome>> on_ended;

  const std::string& id() const { return stored.info.id; }
  const std::string& name() const { return stored.info.name; }
  core::SandboxState state() const { return stored.info.state; }
};

}  // namespace hv::service
