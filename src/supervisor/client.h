// One front end on the other end of a stream connection: frames in, frames out, bounded memory. docs/api/stream.md has
// the format.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/fd.h"
#include "wire/frame.h"

namespace hv::supervisor {

using wire::FrameType;

class Client {
 public:
  struct Handlers {
    std::function<void(FrameType type, std::string_view payload)> frame;
    std::function<void(bool detached)> gone;  // closed, broken, or sent nonsense; called once
    std::function<void()> drained;            // the queue fell below half of the limit again
  };
  Client(base::EventLoop& loop, base::Fd connection, std::string_view buffered, Handlers handlers);
  Client(const Client&) = delete;
  ~Client();

  void set_handlers(Handlers handlers) { handlers_ = std::move(handlers); }
  // Registers with the loop and handles what arrived before. The handlers may be called from here on.
  base::Status start();
  void send(FrameType type, std::string_view payload);
  void send_exit(int32_t status, bool workspace_changed);
  // Whether the reader is so slow that what it shows should wait.
  bool full() const { return queue_.size() - sent_ > kQueueLimit; }
  // Stops or continues reading what the front end sends, while the command does not take it.
  void pause_input(bool paused);
  // Writes what is queued, for at most a moment, and closes: the last act.
  void finish();

 private:
  static constexpr size_t kQueueLimit = size_t{1} << 20;
  void on_events(uint32_t events);
  void read_frames();
  void parse();
  void flush();
  void lose(bool detached);
  void update_interest();

  base::EventLoop& loop_;
  base::Fd connection_;
  Handlers handlers_;
  wire::FrameDecoder decoder_;
  std::string queue_;
  size_t sent_ = 0;
  bool input_paused_ = false;
  bool watching_ = false;
};

}  // namespace hv::supervisor
