#include "gateway/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace hv::gateway {

namespace {

// One for all: this program is one thread, and nothing lies in it between two events.
std::array<char, Stream::kBuffer>& shared_buffer() {
  static std::array<char, Stream::kBuffer> buffer;
  return buffer;
}

}  // namespace

Stream::Stream(base::Fd socket) : socket_(std::move(socket)) {
  int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

Stream::Got Stream::receive(std::string_view& bytes, size_t most) {
  auto& buffer = shared_buffer();
  ssize_t count = ::recv(socket_.get(), buffer.data(), std::min(buffer.size(), most), 0);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return Got::nothing;
    error_ = errno;
    return Got::broken;
  }
  if (count == 0) {
    ended_ = true;
    return Got::end;
  }
  received_ += static_cast<uint64_t>(count);
  bytes = {buffer.data(), static_cast<size_t>(count)};
  return Got::bytes;
}

bool Stream::write(std::string_view& bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return true;
    if (count < 0) {
      error_ = errno;
      return false;
    }
    sent_ += static_cast<uint64_t>(count);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

bool Stream::send(std::string_view bytes) {
  if (out_.empty() && !write(bytes)) return false;
  out_.append(bytes);
  return true;
}

bool Stream::flush() {
  if (!out_.empty()) {
    std::string_view rest = out_;
    if (!write(rest)) return false;
    // Its memory goes back at once when all is written: most connections are idle most of the time.
    std::string kept(rest);
    out_.swap(kept);
  }
  if (out_.empty() && end_wanted_ && !closed_) {
    closed_ = true;
    ::shutdown(socket_.get(), SHUT_WR);
  }
  return true;
}

void Stream::end() {
  end_wanted_ = true;
  static_cast<void>(flush());
}

void Stream::forget(base::EventLoop& loop) {
  if (socket_ && events_ != 0) loop.unwatch(socket_.get());
  events_ = 0;
}

void Stream::close(base::EventLoop& loop) {
  forget(loop);
  socket_.close();
}

void Stream::reset(base::EventLoop& loop) {
  linger now{1, 0};
  if (socket_) ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(loop);
}

}  // namespace hv::gateway
