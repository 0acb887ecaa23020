// One traced thread, seen from outside: the system call it is about to make, told as a step of Hydravisor's work.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/ptrace.h>
#include <sys/types.h>

namespace hv::crash {

// What a path begins with, and what it is called in a step: "/tmp/hvt-x/state/hydravisor/" and "state".
using Names = std::vector<std::pair<std::string, std::string>>;

// The program that the process runs: "daemon", "supervisor", ...; "other" for what is not Hydravisor's.
std::string role_of(pid_t process);

// The call as "mkdir state/sandboxes/ID", or nullopt for one without an effect that outlives the process. Numbers and
// ids are replaced, so that a step has the same words in every run.
std::optional<std::string> step_of(pid_t thread, const __ptrace_syscall_info& call, const Names& names);

}  // namespace hv::crash
