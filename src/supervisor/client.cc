#include "supervisor/client.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace hv::supervisor {

Client::Client(base::EventLoop& loop, base::Fd connection, std::string_view buffered, Handlers handlers)
    : loop_(loop), connection_(std::move(connection)), handlers_(std::move(handlers)) {
  decoder_.feed(buffered);
}

Client::~Client() {
  if (watching_) loop_.unwatch(connection_.get());
}

base::Status Client::start() {
  HV_TRY(base::set_nonblocking(connection_.get(), true));
  HV_TRY(loop_.watch(connection_.get(), EPOLLIN, [this](uint32_t events) { on_events(events); }));
  watching_ = true;
  parse();
  return {};
}

void Client::update_interest() {
  if (!watching_) return;
  uint32_t events = (input_paused_ ? 0u : uint32_t{EPOLLIN}) | (queue_.size() > sent_ ? uint32_t{EPOLLOUT} : 0u);
  // Only fails for a descriptor that is not watched.
  static_cast<void>(loop_.modify(connection_.get(), events));
}

void Client::on_events(uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (watching_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_frames();
}

void Client::read_frames() {
  std::array<char, 65536> buffer;
  ssize_t count = ::recv(connection_.get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return lose(false);
  decoder_.feed({buffer.data(), static_cast<size_t>(count)});
  parse();
}

void Client::parse() {
  while (watching_) {
    base::Result<std::optional<wire::Frame>> frame = decoder_.next();
    if (!frame) return lose(false);
    if (!*frame) return;
    if ((*frame)->type == FrameType::detach) return lose(true);
    handlers_.frame((*frame)->type, (*frame)->payload);
  }
}

void Client::send(FrameType type, std::string_view payload) {
  if (!watching_) return;
  wire::append_frame(queue_, type, payload);
  flush();
}

void Client::send_exit(int32_t status, bool workspace_changed) {
  send(FrameType::exit, wire::encode_exit({status, workspace_changed}));
}

void Client::flush() {
  bool was_full = full();
  while (sent_ < queue_.size()) {
    ssize_t count = ::send(connection_.get(), queue_.data() + sent_, queue_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    // A reader that is gone is noticed when reading, where what it still sent is handled first.
    if (count < 0) sent_ = queue_.size();
    if (count > 0) sent_ += static_cast<size_t>(count);
  }
  if (sent_ == queue_.size()) {
    queue_.clear();
    sent_ = 0;
  } else if (sent_ > kQueueLimit) {
    queue_.erase(0, sent_);
    sent_ = 0;
  }
  update_interest();
  if (was_full && queue_.size() - sent_ < kQueueLimit / 2 && handlers_.drained) handlers_.drained();
}

void Client::pause_input(bool paused) {
  input_paused_ = paused;
  update_interest();
}

void Client::finish() {
  // The command has ended and a front end that does not read must not keep the sandbox: two seconds, then it is cut
  // off.
  for (int waits = 0; watching_ && sent_ < queue_.size() && waits < 20; ++waits) {
    pollfd writable{connection_.get(), POLLOUT, 0};
    ::poll(&writable, 1, 100);
    flush();
  }
  if (watching_) loop_.unwatch(connection_.get());
  watching_ = false;
  connection_.close();
}

void Client::lose(bool detached) {
  if (!watching_) return;
  loop_.unwatch(connection_.get());
  watching_ = false;
  auto gone = handlers_.gone;
  gone(detached);
}

}  // namespace hv::supervisor
