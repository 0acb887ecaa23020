#include "monitor/exit_source.h"

#include <cerrno>
#include <csignal>
#include <cstdio>

#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/connector_exits.h"
#include "monitor/pidfd_exits.h"

namespace hv::monitor {

namespace {

// Trying it would take a process for every sandbox that starts; what a kernel before this one says of a process that
// was reaped is nothing, so that nothing wrong comes of a version that lies.
bool is_recent() {
  utsname name{};
  int major = 0;
  int minor = 0;
  return ::uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
         (major > 6 || (major == 6 && minor >= 15));
}

}  // namespace

std::unique_ptr<ExitSource> open_exit_source() {
  if (!is_recent())
    if (auto connector = ConnectorExits::create()) return *std::move(connector);
  if (!is_recent()) return nullptr;
  auto descriptors = PidfdExits::create();
  return descriptors ? *std::move(descriptors) : nullptr;
}

ExitMeans try_exit_means() {
  // Only system calls in the child, so that no lock of another thread matters.
  pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  if (child < 0) return ExitMeans::none;
  auto process = open_process(child);
  ::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (process && wait_status_of(process->descriptor.get()) == std::optional<int>(SIGKILL))
    return ExitMeans::descriptors;
  return ConnectorExits::create() ? ExitMeans::connector : ExitMeans::none;
}

}  // namespace hv::monitor
