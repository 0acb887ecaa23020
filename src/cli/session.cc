#include "cli/session.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "terminal/output_filter.h"
#include "terminal/raw_mode.h"
#include "terminal/window.h"

namespace hv::cli {

namespace {

constexpr size_t kReadSize = wire::kDataFrame;
// poll(2) promises room for this much in a pipe and a terminal: a write of it does not block, and signals stay served.
constexpr size_t kWriteSize = 4096;
// How long a command whose user's terminal is gone may take to end before it is left alone with its closed streams.
constexpr int kHangUpGrace = 2000;
// How long the other side may take to let a leaving front end go.
constexpr std::chrono::seconds kFarewell{2};

// Standard output or standard error: filtered when a person looks at it, untouched otherwise.
class Sink {
 public:
  explicit Sink(int fd) : fd_(fd), terminal_(terminal::is_terminal(fd)) {
    struct stat info{};
    chunk_ = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? size_t{1} << 20 : kWriteSize;
  }

  int fd() const { return fd_; }
  bool pending() const { return !buffer_.empty(); }
  bool closed() const { return closed_; }
  bool has_asked() const { return filter_.has_asked(); }

  void add(std::string_view bytes) {
    if (closed_) return;
    if (terminal_)
      buffer_.append(filter_.feed(bytes));
    else
      buffer_.append(bytes);
  }
  void end_filter() {
    if (terminal_ && !closed_) buffer_.append(filter_.finish());
  }

  // One write. False when the reader has gone, once.
  base::Result<bool> write_some() {
    ssize_t written = ::write(fd_, buffer_.data() + start_, std::min(chunk_, buffer_.size() - start_));
    if (written < 0) {
      if (errno == EINTR || errno == EAGAIN) return true;
      int error = errno;
      closed_ = true;
      clear();
      if (error == EPIPE || error == EIO) return false;
      return base::Failure(base::Error::from_errno(error, "write the command's output"));
    }
    start_ += static_cast<size_t>(written);
    if (start_ == buffer_.size()) clear();
    return true;
  }

 private:
  void clear() {
    buffer_.clear();
    start_ = 0;
  }

  int fd_;
  bool terminal_;
  bool closed_ = false;
  size_t chunk_ = kWriteSize;
  size_t start_ = 0;
  std::string buffer_;
  terminal::OutputFilter filter_;
};

base::Result<base::Fd> catch_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT}) ::sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  base::Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return base::Failure(base::Error::from_errno(errno, "catch signals"));
  return fd;
}

class Session {
 public:
  Session(client::Stream stream, SessionOptions options, base::Fd signals, std::optional<terminal::RawMode> raw)
      : stream_(std::move(stream)), options_(std::move(options)), signals_(std::move(signals)), raw_(std::move(raw)) {}

  base::Result<SessionEnd> run() {
    auto end = loop();
    // Whatever happened, the terminal gets back its modes, and the shell does not get late answers as if they had been
    // typed.
    bool asked = out_.has_asked() || error_.has_asked();
    for (Sink* sink : {&out_, &error_}) sink->end_filter();
    auto written = drain();
    if (raw_) raw_->restore(asked);
    if (end && !written && end->status == 0) return base::Failure(written.error());
    return end;
  }

 private:
  base::Result<SessionEnd> loop() {
    while (true) {
      bool output_waits = out_.pending() || error_.pending();
      if (!output_waits) {
        auto end = HV_TRY(take_frames());
        if (end) return *end;
        output_waits = out_.pending() || error_.pending();
      }
      bool reads_input = input_open_ && !stream_.pending();
      std::array<pollfd, 5> fds{{
          {.fd = signals_.get(), .events = POLLIN, .revents = 0},
          {.fd = reads_input ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
          {.fd = out_.pending() ? out_.fd() : -1, .events = POLLOUT, .revents = 0},
          {.fd = error_.pending() ? error_.fd() : -1, .events = POLLOUT, .revents = 0},
          {.fd = stream_.fd(), .events = stream_events(output_waits), .revents = 0},
      }};
      // Without events to wait for, poll would still report a peer that has gone, again and again.
      if (fds[4].events == 0) fds[4].fd = -1;
      int ready = ::poll(fds.data(), fds.size(), hung_up_ ? kHangUpGrace : -1);
      if (ready == 0) return SessionEnd{.status = 128 + SIGHUP};
      if (ready < 0) {
        if (errno == EINTR) continue;
        return base::Failure(base::Error::from_errno(errno, "wait for the command"));
      }
      if (fds[0].revents != 0) HV_TRY(take_signal());
      if (fds[1].revents != 0 && HV_TRY(take_input())) return SessionEnd{.detached = true};
      if (fds[2].revents != 0) HV_TRY(write_to(out_));
      if (fds[3].revents != 0) HV_TRY(write_to(error_));
      if ((fds[4].revents & POLLOUT) != 0) HV_TRY(keep_reading(stream_.flush()));
      if (!output_waits && (fds[4].revents & (POLLIN | POLLHUP | POLLERR)) != 0) stream_open_ = HV_TRY(stream_.fill());
    }
  }

  // No reading while output waits: the command is then held up by its own reader, as on the host.
  short stream_events(bool output_waits) const {
    int events = stream_.events();
    if (output_waits || !stream_open_) events &= ~POLLIN;
    if (!may_send_) events &= ~POLLOUT;
    return static_cast<short>(events);
  }

  base::Result<std::optional<SessionEnd>> take_frames() {
    while (auto frame = HV_TRY(stream_.next())) {
      switch (frame->type) {
        case wire::FrameType::standard_output:
          out_.add(frame->payload);
          break;
        case wire::FrameType::standard_error:
          error_.add(frame->payload);
          break;
        case wire::FrameType::exit: {
          wire::ExitFrame exit = HV_TRY(wire::decode_exit(frame->payload));
          // 125 is ours. Any other status is the command's, and the problem says how it came: not found, out of memory.
          if (failure_ && exit.status == kFailed) return base::Failure(*failure_);
          if (failure_) error_.add(base::format("hydravisor: {}\n", base::printable_lines(failure_->text())));
          return SessionEnd{.status = exit.status, .changed = exit.changed};
        }
        case wire::FrameType::error:
          failure_ = client::stream_error(frame->payload);
          break;
        case wire::FrameType::detach:
          return SessionEnd{.detached = true};
        default:
          break;
      }
      if (out_.pending() || error_.pending()) return std::nullopt;
    }
    if (stream_open_) return std::nullopt;
    if (failure_) return base::Failure(*failure_);
    return base::Failure(base::unavailable("the connection to the sandbox broke off before its command ended")
                             .with_hint("see what became of it: hydravisor inspect " + stream_.sandbox()));
  }

  // The other side may be gone while its last frames are still to be read: they say why.
  base::Status keep_reading(base::Status sent) {
    if (!sent && sent.error().os_error() != EPIPE && sent.error().os_error() != ECONNRESET) return sent;
    if (!sent) input_open_ = may_send_ = false;
    return {};
  }

  base::Status take_signal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      int number = static_cast<int>(info.ssi_signo);
      switch (number) {
        case SIGWINCH:
          HV_TRY(send_size());
          break;
        case SIGCONT:
          if (raw_) {
            raw_->restore();
            raw_->resume();
          }
          HV_TRY(send_size());
          break;
        case SIGINT:
        case SIGTERM:
        case SIGHUP:
          hung_up_ |= number == SIGHUP;
          HV_TRY(send_signal(escalate(number)));
          break;
        default:
          HV_TRY(send_signal(number));
      }
    }
    return {};
  }

  // The first request is passed on as it is; a second one terminates, a third one kills.
  int escalate(int number) {
    ++requests_;
    return requests_ == 1 ? number : requests_ == 2 ? SIGTERM : SIGKILL;
  }

  base::Status send_signal(int number) { return may_send_ ? keep_reading(stream_.signal(number)) : base::Status{}; }

  base::Status send_size() {
    if (!options_.terminal || !may_send_) return {};
    terminal::WindowSize size = terminal::window_size(STDIN_FILENO);
    return keep_reading(stream_.resize({.rows = size.rows, .columns = size.columns}));
  }

  // True when the user has detached.
  base::Result<bool> take_input() {
    std::array<char, kReadSize> buffer;
    ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return false;
    if (count <= 0) {
      // The end, or a terminal that is gone: the command sees the end of its input.
      input_open_ = false;
      HV_TRY(keep_reading(stream_.end_input()));
      return false;
    }
    std::string_view bytes(buffer.data(), static_cast<size_t>(count));
    if (!options_.terminal) {
      HV_TRY(keep_reading(stream_.send_input(bytes)));
      return false;
    }
    auto step = options_.detach_keys.feed(bytes);
    if (!step.forward.empty()) HV_TRY(keep_reading(stream_.send_input(step.forward)));
    if (!step.detached) return false;
    HV_TRY(stream_.detach());
    await_farewell();
    return true;
  }

  // The other side closes once the leaving is known everywhere: what is typed next finds the sandbox running.
  void await_farewell() {
    auto deadline = std::chrono::steady_clock::now() + kFarewell;
    while (stream_open_) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd peer{.fd = stream_.fd(), .events = stream_.events(), .revents = 0};
      if (left.count() <= 0 || ::poll(&peer, 1, static_cast<int>(left.count())) == 0) return;
      if ((peer.revents & POLLOUT) != 0 && !stream_.flush()) return;
      if ((peer.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      auto more = stream_.fill();
      if (!more) return;
      stream_open_ = *more;
      for (auto frame = stream_.next(); frame && *frame;) frame = stream_.next();
    }
  }

  base::Status write_to(Sink& sink) {
    if (HV_TRY(sink.write_some())) return {};
    // The reader has gone: the command gets what it would have got from the pipe itself.
    return send_signal(SIGPIPE);
  }

  // Writes what is left; a signal says that nobody wants to wait for it.
  base::Status drain() {
    for (Sink* sink : {&out_, &error_})
      while (sink->pending() && !sink->closed()) {
        std::array<pollfd, 2> fds{{{.fd = sink->fd(), .events = POLLOUT, .revents = 0},
                                   {.fd = signals_.get(), .events = POLLIN, .revents = 0}}};
        if (::poll(fds.data(), fds.size(), -1) <= 0) continue;
        if (fds[1].revents != 0) return {};
        // A reader that has gone is nothing to report: its sink is closed, which ends the loop.
        static_cast<void>(HV_TRY(sink->write_some()));
      }
    return {};
  }

  client::Stream stream_;
  SessionOptions options_;
  base::Fd signals_;
  std::optional<terminal::RawMode> raw_;
  Sink out_{STDOUT_FILENO};
  Sink error_{STDERR_FILENO};
  std::optional<base::Error> failure_;
  bool input_open_ = true;
  bool stream_open_ = true;
  bool may_send_ = true;
  bool hung_up_ = false;
  int requests_ = 0;
};

}  // namespace

base::Result<SessionEnd> run_session(client::Stream stream, SessionOptions options) {
  base::Fd signals = HV_TRY(catch_signals());
  std::optional<terminal::RawMode> raw;
  if (options.terminal) raw.emplace(HV_TRY(terminal::RawMode::enter(STDIN_FILENO)));
  return Session(std::move(stream), std::move(options), std::move(signals), std::move(raw)).run();
}

}  // namespace hv::cli
