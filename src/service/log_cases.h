// What a sandbox wrote and uses: its log, followed while it grows, and its resources.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/reactor.h"
#include "base/result.h"
#include "core/sandbox_info.h"
#include "core/subscription.h"
#include "service/sandbox_lookup.h"
#include "service/service.h"

namespace hv::service {

class LogCases {
 public:
  LogCases(const SandboxLookup& sandboxes, base::Reactor& loop) : sandboxes_(sandboxes), loop_(loop) {}

  base::Result<LogChunk> read_log(std::string_view sandbox, uint64_t offset, size_t limit) const;
  // Wakes when the log file grew (inotify) and once a second, which also notices the end. Loop's thread.
  base::Result<core::Subscription> watch_log(std::string_view sandbox, std::function<void()> wake) const;
  base::Result<core::SandboxStats> stats(std::string_view sandbox) const;

 private:
  const SandboxLookup& sandboxes_;
  base::Reactor& loop_;
};

}  // namespace hv::service
