// For tests: what confines a process for ever is tried in a child, whose exit code tells what was seen.
#pragma once

#include <functional>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hv::isolation {

// Ends the process by the system call itself: a sanitizer makes calls of its own before _exit(2), which a filter in
// force may forbid.
inline void end_process(int code) {
  for (;;) ::syscall(SYS_exit_group, code);
}

// The code that `body` returns in a forked child, or 128 + the signal that killed it.
inline int in_child(const std::function<int()>& body) {
  pid_t pid = ::fork();
  if (pid == 0) end_process(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace hv::isolation
