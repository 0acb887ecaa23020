// hydravisor-supervisor: keeps one sandbox. Started by the daemon with a socket as descriptor 3; not meant to be run by
// hand.
#include <cstdio>

#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/supervisor.h"

int main() {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(3, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    std::fputs(
        "hydravisor-supervisor is started by hydravisord; to run a command in a sandbox: hydravisor run -- CMD\n",
        stderr);
    return 2;
  }
  // A terminal or a session that ends must not take the sandbox along.
  ::setsid();
  hv::base::Fd daemon(3);
  if (!hv::base::set_cloexec(daemon.get(), true)) return 125;
  return hv::supervisor::Supervisor::serve(std::move(daemon));
}
