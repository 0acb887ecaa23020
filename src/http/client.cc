#include "http/client.h"

#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace hv::http {

base::Status ClientConnection::wait_until(short event) {
  if (patience_.interval.count() == 0) return {};
  while (true) {
    pollfd waiting{socket_.get(), event, 0};
    int ready = ::poll(&waiting, 1, static_cast<int>(patience_.interval.count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return base::Failure(base::Error::from_errno(errno, "wait for the daemon"));
    if (ready == 0) HV_TRY(patience_.at_silence());
  }
}

// A peer that does not read any more is no failure yet: its answer may be here all the same.
base::Status ClientConnection::send_all(std::string_view bytes) {
  int flags = MSG_NOSIGNAL | (patience_.interval.count() != 0 ? MSG_DONTWAIT : 0);
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), flags);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      HV_TRY(wait_until(POLLOUT));
      continue;
    }
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return {};
    if (sent < 0) return base::Failure(base::Error::from_errno(errno, "send to the daemon"));
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

base::Status ClientConnection::receive() {
  HV_TRY(wait_until(POLLIN));
  std::array<char, 64 * 1024> buffer;
  ssize_t count;
  do count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count < 0 && errno != ECONNRESET) return base::Failure(base::Error::from_errno(errno, "receive from the daemon"));
  if (count <= 0) return reader_.finish();
  return reader_.feed({buffer.data(), static_cast<size_t>(count)});
}

base::Result<Response> ClientConnection::open(const Request& request) {
  reader_ = {};
  HV_TRY(send_all(serialize(request)));
  bool anything = false;
  while (!reader_.head_done()) {
    base::Status received = receive();
    if (!received && !anything && received.error().code() == base::ErrorCode::unavailable)
      return base::Failure(base::cancelled(received.error().message()));
    HV_TRY(std::move(received));
    anything = true;
  }
  return reader_.head();
}

base::Result<Response> ClientConnection::exchange(const Request& request) {
  Response response = HV_TRY(open(request));
  while (true) {
    std::string piece = HV_TRY(read_body());
    if (piece.empty()) return response;
    response.body += piece;
  }
}

base::Result<std::string> ClientConnection::read_body() {
  while (true) {
    std::string piece = reader_.take_body();
    if (!piece.empty() || reader_.complete()) return piece;
    HV_TRY(receive());
  }
}

Upgraded ClientConnection::release() {
  return {std::move(socket_), reader_.take_rest()};
}

}  // namespace hv::http
