// A supervisor started before anybody asks, which has laid the groundwork of the last start again: the next one is
// probably like it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "core/launch.h"
#include "runtime/supervisor_link.h"

namespace hv::service {

class SpareSupervisor {
 public:
  // Of a supervisor that has just been started. `user_namespace` as for a launch. Without `ground` it only waits.
  static base::Result<SpareSupervisor> prepare(runtime::SupervisorLink link, std::optional<core::Groundwork> ground,
                                               const base::Fd* user_namespace);

  // Whether a launch on `ground` may be given to it: it lives, and nothing is laid yet, or exactly that, and the
  // sources and the host's mounts below them are still those that it was laid with. Some twenty stat(2).
  bool fits(const core::Groundwork& ground) const;
  // The id range it was prepared with, which nobody else may have meanwhile.
  std::optional<core::IdRange> range() const;

  runtime::SupervisorLink take() && { return std::move(link_); }
  // The process to reap when it is dropped.
  pid_t child() const { return link_.child(); }

 private:
  // A directory is another one when somebody moved or made a new one in its place. A file system gives a new one the
  // number of one that was just removed: when it was born tells them apart, where the file system keeps that.
  struct Identity {
    uint32_t device_major = 0;
    uint32_t device_minor = 0;
    uint64_t inode = 0;
    int64_t born_seconds = 0;
    uint32_t born_nanoseconds = 0;
    bool operator==(const Identity&) const = default;
  };
  bool is_alive() const;
  explicit SpareSupervisor(runtime::SupervisorLink link) : link_(std::move(link)) {}
  static std::vector<Identity> identities(const core::Groundwork& ground);
  base::Result<std::string> mounts_below(const core::Groundwork& ground) const;

  runtime::SupervisorLink link_;
  std::optional<core::Groundwork> ground_;
  std::vector<Identity> identities_;
  base::Fd mounts_;           // of the host; POLLPRI once since they changed: proc(5)
  std::string mounts_below_;  // those that lie in a source, as they were
};

}  // namespace hv::service
