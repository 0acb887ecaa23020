// The processes inside a sandbox, from its first one downwards, by the kernel's own lists of children: proc(5).
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace hv::supervisor {

// "/proc/PID/task/TID" of each thread; none when the process has gone.
std::vector<std::string> threads_of(pid_t process);
// The processes that a thread, named as above, has started.
std::vector<pid_t> children_of(const std::string& thread);

}  // namespace hv::supervisor
