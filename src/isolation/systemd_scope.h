// Where systemd owns the cgroups, each supervisor lives in a transient scope that is delegated to us, and its sandbox
// in a cgroup below. systemd ends and removes the scope when its last process has gone, whatever happened to the
// daemon.
//
// The limits are written by us into the sandbox's cgroup, not asked of systemd as properties of the scope: so they bind
// what runs inside and never the supervisor, a scope can be made before it is known for which sandbox, and all kinds of
// cgroups have one code. Nothing here is linked to libsystemd, which is loaded only on machines that systemd runs.
#pragma once

#include <string>

#include <sys/types.h>

#include "base/result.h"

namespace hv::isolation {

// The manager that may make scopes for us: the system's for root, otherwise the user's own.
struct SystemdManager {
  std::string address;  // of the bus it listens on
};

// unsupported, with a reason for people, where there is none; whether it makes scopes shows when the first is asked
// for.
base::Result<SystemdManager> find_systemd(uid_t uid);

// Puts the process, a child that has done nothing yet, into a scope of its own and returns the scope's directory.
// In it are `supervisor`, where the process then is, and what the caller makes; controllers are passed on already.
// `name` must be unused. Blocks for some milliseconds, at most seconds: then timeout.
base::Result<std::string> enter_scope(const SystemdManager& manager, pid_t process, const std::string& name);

}  // namespace hv::isolation
