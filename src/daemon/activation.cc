#include "daemon/activation.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"

namespace hv::daemon {

namespace {

using base::Failure;

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr int kBacklog = 128;

std::string taken(const char* name) {
  const char* value = ::getenv(name);
  std::string text = value != nullptr ? value : "";
  ::unsetenv(name);
  return text;
}

bool has_option(int fd, int option, int wanted) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

// Where it is bound; empty for anything but a unix socket with a path.
std::string path_of(int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 || address.sun_family != AF_UNIX) return {};
  size_t most = size > offsetof(sockaddr_un, sun_path) ? size - offsetof(sockaddr_un, sun_path) : 0;
  return std::string(address.sun_path, ::strnlen(address.sun_path, most));
}

}  // namespace

base::Result<base::Fd> take_activated_socket(const std::string& path) {
  std::string pid = taken("LISTEN_PID"), count = taken("LISTEN_FDS");
  taken("LISTEN_FDNAMES");
  // Meant for a process before this one, which forgot to take them away.
  if (pid != std::to_string(::getpid()) || count.empty() || count == "0") return base::Fd();
  if (count != "1")
    return Failure(base::invalid_argument(base::format("LISTEN_FDS={}: expected one socket", base::printable(count)))
                       .with_hint("give the socket unit one ListenStream= only"));
  HV_TRY_CONTEXT(base::set_cloexec(kFirst, true), "take the service manager's socket");
  base::Fd socket(kFirst);
  std::string bound = path_of(kFirst);
  if (bound != path || !has_option(kFirst, SO_TYPE, SOCK_STREAM) || !has_option(kFirst, SO_ACCEPTCONN, 1))
    return Failure(base::invalid_argument(
                       base::format("the service manager's socket is {}, and commands look for the daemon at {}",
                                    bound.empty() ? "none with a path" : base::printable(bound), path))
                       .with_hint("set ListenStream= of the socket unit to that path, or stop the unit"));
  // Who calls listen(2) last is whom clients see as the peer; until now that is the service manager.
  if (::listen(kFirst, kBacklog) != 0) return Failure(base::Error::from_errno(errno, "listen", path));
  HV_TRY(base::set_nonblocking(kFirst, true));
  return socket;
}

base::Status hand_on(const base::Fd& socket) {
  if (socket.get() == kFirst) {
    HV_TRY(base::set_cloexec(kFirst, false));
  } else if (::dup2(socket.get(), kFirst) < 0) {
    return Failure(base::Error::from_errno(errno, "hand on the service manager's socket"));
  }
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "1", 1);
  return {};
}

}  // namespace hv::daemon
