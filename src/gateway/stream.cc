#include "gateway/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace hv::gateway {

namespace {

// One for all: this program is one thread, and nothing lies in it between two events.
std::array<char, Stream::kBuffer>& shared_buffer() {
  static std::array<char, Stream::kBuffer> buffer;
  return buffer;
}

// One for all, like the buffer, and empty between two events.
struct Pipe {
  base::Fd in;
  base::Fd out;
  Pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return;
    out = base::Fd(ends[0]);
    in = base::Fd(ends[1]);
    // A page a slot: what it cannot be enlarged to only takes more calls.
    static_cast<void>(::fcntl(in.get(), F_SETPIPE_SZ, Stream::kSpliced));
  }
};

Pipe& shared_pipe() {
  static Pipe pipe;
  return pipe;
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
  bulk_ = bytes.size() == kBuffer && shared_pipe().in;
  return Got::bytes;
}

Stream::Got Stream::splice_to(Stream& to, size_t& bytes, size_t most) {
  Pipe& pipe = shared_pipe();
  bytes = 0;
  constexpr unsigned kFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
  ssize_t taken = ::splice(socket_.get(), nullptr, pipe.in.get(), nullptr, std::min(most, kSpliced), kFlags);
  if (taken < 0) {
    if (errno == EAGAIN || errno == EINTR) return Got::nothing;
    error_ = errno;
    return Got::broken;
  }
  if (taken == 0) {
    ended_ = true;
    return Got::end;
  }
  bytes = static_cast<size_t>(taken);
  bulk_ = bytes >= kBuffer / 4;
  received_ += bytes;
  size_t left = bytes;
  while (left > 0 && to.error_ == 0) {
    ssize_t given = ::splice(pipe.out.get(), nullptr, to.socket_.get(), nullptr, left, kFlags);
    if (given < 0 && errno == EINTR) continue;
    if (given <= 0 && errno == EAGAIN) break;
    if (given <= 0) {
      to.error_ = given < 0 ? errno : EIO;
      break;
    }
    left -= static_cast<size_t>(given);
    to.sent_ += static_cast<size_t>(given);
  }
  // What was not taken is kept, also where nobody wants it any more: the pipe is everybody's.
  while (left > 0) {
    size_t before = to.out_.size();
    to.out_.resize(before + left);
    ssize_t count = ::read(pipe.out.get(), to.out_.data() + before, left);
    to.out_.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && errno == EINTR) continue;
    // A pipe that does not give back what it took would mix connections.
    HV_CHECK(count > 0);
    left -= static_cast<size_t>(count);
  }
  return to.error_ == 0 ? Got::bytes : Got::broken;
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
