#include "base/unix_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace hv::base {

namespace {

// Just below what the kernel passes in one message (SCM_MAX_FD, 253).
constexpr size_t kMaxFds = 250;

struct Address {
  sockaddr_un sun{};
  Fd directory;  // keeps /proc/self/fd/N valid while a long path is in use
};

Result<Address> address_of(const std::string& path) {
  Address address;
  address.sun.sun_family = AF_UNIX;
  std::string usable = path;
  if (usable.size() >= sizeof address.sun.sun_path) {
    size_t slash = path.rfind('/');
    if (slash == std::string::npos) return Failure(invalid_argument("socket name too long: " + path));
    address.directory = HV_TRY(open_file(path.substr(0, slash + 1), O_PATH | O_DIRECTORY));
    usable = "/proc/self/fd/" + std::to_string(address.directory.get()) + path.substr(slash);
    if (usable.size() >= sizeof address.sun.sun_path) return Failure(invalid_argument("socket name too long: " + path));
  }
  std::memcpy(address.sun.sun_path, usable.c_str(), usable.size() + 1);
  return address;
}

}  // namespace

Result<SocketPair> make_socket_pair(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
    return Failure(Error::from_errno(errno, "make a socket pair"));
  return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> listen_unix(const std::string& path, int type, mode_t mode) {
  Address address = HV_TRY(address_of(path));
  Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!socket) return Failure(Error::from_errno(errno, "make socket", path));
  // The mode is set before bind, on the socket, so that nobody can connect in between.
  if (::fchmod(socket.get(), mode) != 0) return Failure(Error::from_errno(errno, "chmod socket", path));
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address.sun), sizeof address.sun) != 0)
    return Failure(Error::from_errno(errno, "bind socket", path));
  if (::chmod(address.sun.sun_path, mode) != 0) return Failure(Error::from_errno(errno, "chmod socket", path));
  if (::listen(socket.get(), 512) != 0) return Failure(Error::from_errno(errno, "listen on socket", path));
  return socket;
}

Result<Fd> connect_unix(const std::string& path, int type, std::chrono::milliseconds patience) {
  Address address = HV_TRY(address_of(path));
  Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!socket) return Failure(Error::from_errno(errno, "make socket", path));
  auto set_patience = [&](std::chrono::milliseconds time) {
    timeval limit{.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000};
    return ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0;
  };
  if (patience.count() != 0 && !set_patience(patience))
    return Failure(Error::from_errno(errno, "prepare socket", path));
  while (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address.sun), sizeof address.sun) != 0) {
    if (errno == EAGAIN && patience.count() != 0)
      return Failure(Error(ErrorCode::timeout, "connect to " + path + ": nobody accepts connections there"));
    if (errno != EINTR) return Failure(Error::from_errno(errno, "connect to", path));
  }
  if (patience.count() != 0 && !set_patience({})) return Failure(Error::from_errno(errno, "prepare socket", path));
  return socket;
}

Result<PeerCredentials> peer_credentials(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return Failure(Error::from_errno(errno, "read peer credentials"));
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

Status send_message(int socket, std::string_view data, const std::vector<int>& fds) {
  if (fds.size() > kMaxFds) return Failure(invalid_argument("send: too many descriptors"));
  iovec part{const_cast<char*>(data.data()), data.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t sent;
  do sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return Failure(Error::from_errno(errno, "send"));
  while (static_cast<size_t>(sent) < data.size()) {
    data.remove_prefix(static_cast<size_t>(sent));
    sent = ::send(socket, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) sent = 0;
    if (sent < 0) return Failure(Error::from_errno(errno, "send"));
  }
  return {};
}

Result<Message> receive_message(int socket, size_t limit) {
  Message message;
  // Most are far smaller than the largest may be, and come by the thousand: what is not received is not touched.
  auto buffer = std::make_unique_for_overwrite<char[]>(limit);
  iovec part{buffer.get(), limit};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  // A peer that ended without having read everything makes the next call fail once; what it said before is there still,
  // and the end after it.
  bool reset = false;
  ssize_t count = 0;
  do count = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  while (count < 0 && (errno == EINTR || (errno == ECONNRESET && !std::exchange(reset, true))));
  if (count < 0) return Failure(Error::from_errno(errno, "receive"));
  for (cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr; rights = CMSG_NXTHDR(&header, rights)) {
    if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
    size_t amount = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::array<int, kMaxFds> received{};
    std::memcpy(received.data(), CMSG_DATA(rights), sizeof(int) * amount);
    for (size_t i = 0; i < amount; ++i) message.fds.emplace_back(received[i]);
  }
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Failure(invalid_argument("receive: message too long"));
  message.data.assign(buffer.get(), static_cast<size_t>(count));
  return message;
}

}  // namespace hv::base
