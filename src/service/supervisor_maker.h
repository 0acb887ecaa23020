// Starts supervisors: each in a scope of its own where systemd makes them.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "isolation/cgroup_layout.h"
#include "isolation/systemd_scope.h"
#include "runtime/supervisor_link.h"

namespace hv::service {

class SupervisorMaker {
 public:
  SupervisorMaker(std::string program, std::optional<isolation::SystemdManager> systemd)
      : program_(std::move(program)), systemd_(std::move(systemd)) {}

  // Whether start() waits for systemd, some milliseconds.
  bool asks_systemd() const { return systemd_.has_value(); }
  // A supervisor that waits for its first message. Any thread.
  base::Result<runtime::SupervisorLink> start() const;

 private:
  std::string program_;
  std::optional<isolation::SystemdManager> systemd_;
};

// Where sandboxes' cgroups can be on this machine, found out by trying: systemd, version 2, version 1.
struct Cgroups {
  isolation::CgroupLayout layout;
  SupervisorMaker supervisors;
  // The one that was started to see whether systemd makes scopes; nothing where it was not asked or made none.
  std::optional<runtime::SupervisorLink> first;
  std::optional<std::string> scope;  // of that one
  std::string obstacle;              // why systemd, which is there, makes none; for people
};
Cgroups find_cgroups(const std::string& program, uint32_t uid);

}  // namespace hv::service
