// For tests: what confines a process for ever is tried in a child, whose exit code tells what was seen.
#pragma once

#include <functional>

#include <sys/wait.h>
#include <unistd.h>

namespace hv::isolation {

// The code that `body` returns in a forked child, or 128 + the signal that killed it.
inline int in_child(const std::function<int()>& body) {
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace hv::isolation
