// What all running sandboxes use, sampled for those who ask and for nobody else.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/disk_walk.h"
#include "base/fd.h"
#include "base/guarded.h"
#include "base/reactor.h"
#include "base/result.h"
#include "core/sandbox_info.h"
#include "core/subscription.h"
#include "isolation/cgroup_meter.h"
#include "service/sandbox_lookup.h"

namespace hv::service {

class UsageCases {
 public:
  // `list` gives those that run; `directory` holds the sandboxes' own.
  UsageCases(std::function<std::vector<SandboxView>()> list, std::string directory, base::Reactor& loop);

  // Any thread. While somebody watches, the counters' files stay open, and the disks are counted a little at each
  // sample, one sandbox after the other; otherwise all is looked up anew.
  base::Result<core::Usage> usage();
  // Loop's thread.
  core::Subscription watch(std::chrono::milliseconds interval, std::function<void()> wake);

 private:
  struct Sandbox {
    isolation::CgroupMeter meter;
    std::optional<uint64_t> disk;
    bool seen = false;
  };
  struct State {
    size_t watchers = 0;
    std::map<std::string, Sandbox> sandboxes;
    // Which disk is being counted.
    std::string counting;
    base::Fd root;
    std::optional<base::DiskWalk> walk;
  };
  base::Fd open_layer(const std::string& id) const;
  void count_disks(State& state) const;

  std::function<std::vector<SandboxView>()> list_;
  std::string directory_;
  base::Reactor& loop_;
  base::Guarded<State> state_;
};

// The counters as an answer: what is zero because nothing counts it stays absent.
core::SandboxStats to_stats(const SandboxView& view, const isolation::CgroupMeter& meter);

}  // namespace hv::service
