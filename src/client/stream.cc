#include "client/stream.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

#include "wire/problem.h"

namespace hv::client {

using base::Error;
using base::Failure;
using wire::FrameType;

Stream::Stream(base::Fd socket, std::string sandbox, std::string_view buffered)
    : socket_(std::move(socket)), sandbox_(std::move(sandbox)) {
  decoder_.feed(buffered);
}

short Stream::events() const {
  return static_cast<short>(POLLIN | (pending() ? POLLOUT : 0));
}

base::Status Stream::send(FrameType type, std::string_view payload) {
  wire::append_frame(output_, type, payload);
  return flush();
}

base::Status Stream::send_input(std::string_view bytes) {
  wire::append_data(output_, FrameType::standard_input, bytes);
  return flush();
}

base::Status Stream::end_input() {
  return send(FrameType::input_end, {});
}
base::Status Stream::resize(core::WindowSize size) {
  return send(FrameType::resize, wire::encode_resize(size));
}
base::Status Stream::signal(int number) {
  char byte = static_cast<char>(number);
  return send(FrameType::signal, {&byte, 1});
}
base::Status Stream::detach() {
  return send(FrameType::detach, {});
}

base::Status Stream::flush() {
  size_t sent = 0;
  while (sent < output_.size()) {
    ssize_t count = ::send(socket_.get(), output_.data() + sent, output_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0 && (errno == EPIPE || errno == ECONNRESET)) {
      // The command has ended; its exit frame is on its way or already here. Input for nobody is dropped.
      sent = output_.size();
      break;
    }
    if (count < 0) return Failure(Error::from_errno(errno, "send to the sandbox"));
    sent += static_cast<size_t>(count);
  }
  output_.erase(0, sent);
  return {};
}

base::Result<bool> Stream::fill() {
  std::array<char, 64 * 1024> buffer;
  ssize_t count;
  do count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count < 0 && errno != ECONNRESET) return Failure(Error::from_errno(errno, "receive from the sandbox"));
  if (count <= 0) return false;
  decoder_.feed({buffer.data(), static_cast<size_t>(count)});
  return true;
}

base::Result<std::optional<wire::Frame>> Stream::wait_frame() {
  while (true) {
    std::optional<wire::Frame> frame = HV_TRY(decoder_.next());
    if (frame) return frame;
    if (!HV_TRY(fill())) break;
  }
  if (!decoder_.empty()) return Failure(base::unavailable("the stream to the sandbox broke off"));
  return std::nullopt;
}

Error stream_error(std::string_view payload) {
  return wire::read_problem(500, payload);
}

}  // namespace hv::client
