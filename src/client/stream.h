// An upgraded connection as the front end's poll loop uses it: nothing here blocks but wait_frame(). Both directions
// move independently, so a command that does not read its input cannot stop its output.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "core/run_request.h"
#include "wire/frame.h"

namespace hv::client {

class Stream {
 public:
  // `buffered` came with the answer and precedes what the descriptor yields.
  Stream(base::Fd socket, std::string sandbox, std::string_view buffered);

  const std::string& sandbox() const { return sandbox_; }
  // For poll(2): POLLIN always, POLLOUT while output is pending.
  int fd() const { return socket_.get(); }
  short events() const;

  // Each queues and sends what the socket takes at once.
  base::Status send_input(std::string_view bytes);
  base::Status end_input();
  base::Status resize(core::WindowSize size);
  base::Status signal(int number);
  base::Status detach();
  // While true, do not read more input: the other side is behind.
  bool pending() const { return !output_.empty(); }

  // After poll said POLLOUT.
  base::Status flush();
  // After poll said POLLIN or POLLHUP: one read. False at the end of the stream.
  base::Result<bool> fill();
  // A frame already here. An `error` frame is returned like any other.
  base::Result<std::optional<wire::Frame>> next() { return decoder_.next(); }
  // Blocks until a frame is there; nullopt at an orderly end. unavailable when the stream broke off inside a frame.
  base::Result<std::optional<wire::Frame>> wait_frame();

 private:
  base::Status send(wire::FrameType type, std::string_view payload);

  base::Fd socket_;
  std::string sandbox_;
  std::string output_;
  wire::FrameDecoder decoder_;
};

// The error that an `error` frame carries.
base::Error stream_error(std::string_view payload);

}  // namespace hv::client
