// One end of a relayed connection: a non-blocking TCP socket and what could not be written to it yet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/fd.h"

namespace hv::gateway {

class Stream {
 public:
  Stream() = default;
  explicit Stream(base::Fd socket);

  explicit operator bool() const { return static_cast<bool>(socket_); }
  int fd() const { return socket_.get(); }

  static constexpr size_t kBuffer = 64 * 1024;
  static constexpr size_t kSpliced = 256 * 1024;
  enum class Got { bytes, nothing, end, broken };
  // What has arrived, at most `most` and 64 KiB, in a buffer that all streams share: valid until the next call on any
  // of them.
  Got receive(std::string_view& bytes, size_t most = SIZE_MAX);
  // Moves what has arrived to another stream without looking at it, nor copying it: `bytes` is how much. As receive()
  // and send() do together; broken is whichever has an error(). Only while nothing waits to be written to `to`.
  Got splice_to(Stream& to, size_t& bytes, size_t most = kSpliced);
  // Whether so much comes at once that splice_to() is worth its calls, and possible.
  bool is_bulk() const { return bulk_; }
  // Writes what the socket takes and keeps the rest. False: broken.
  bool send(std::string_view bytes);
  // Writes what is kept.
  bool flush();
  size_t waiting() const { return out_.size(); }
  // No more will be sent: the other side is told once everything is written.
  void end();

  bool ended() const { return ended_; }    // the other side sends no more
  bool closed() const { return closed_; }  // we told it the same
  uint64_t received() const { return received_; }
  uint64_t sent() const { return sent_; }
  int error() const { return error_; }

  // Sets what the loop waits for. Nothing at all: the loop forgets the socket, so that a hang-up that cannot be acted
  // upon yet does not wake it for ever.
  template <typename F>
  void wait_for(base::EventLoop& loop, uint32_t events, F callback) {
    if (!socket_ || events == events_) return;
    if (events == 0) {
      loop.unwatch(socket_.get());
    } else if (events_ == 0) {
      if (!loop.watch(socket_.get(), events, callback)) return;
    } else if (!loop.modify(socket_.get(), events)) {
      return;
    }
    events_ = events;
  }
  void forget(base::EventLoop& loop);
  void close(base::EventLoop& loop);
  // The other side sees a broken connection, not an orderly end.
  void reset(base::EventLoop& loop);

 private:
  bool write(std::string_view& bytes);

  base::Fd socket_;
  std::string out_;
  bool bulk_ = false;
  bool end_wanted_ = false;
  bool ended_ = false;
  bool closed_ = false;
  uint64_t received_ = 0;
  uint64_t sent_ = 0;
  uint32_t events_ = 0;
  int error_ = 0;
};

}  // namespace hv::gateway
