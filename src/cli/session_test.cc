#include "cli/session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "base/fd.h"
#include "base/unix_socket.h"

namespace hv::cli {

namespace {

using wire::FrameType;

// A session in a child process, with the test at the other end of its connection and of its three streams.
class Play {
 public:
  explicit Play(bool terminal = false) {
    auto pair = base::make_socket_pair(SOCK_STREAM);
    auto input = base::make_pipe();
    auto output = base::make_pipe();
    auto error = base::make_pipe();
    supervisor = std::move(pair->first);
    base::Fd inner;
    if (terminal) {
      outer = base::Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
      ::grantpt(outer.get());
      ::unlockpt(outer.get());
      char name[64];
      ::ptsname_r(outer.get(), name, sizeof name);
      inner = base::Fd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
      settings_of = base::Fd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    }
    child = ::fork();
    if (child == 0) {
      std::signal(SIGPIPE, SIG_IGN);
      ::dup2(terminal ? inner.get() : input->read_end.get(), 0);
      ::dup2(terminal ? inner.get() : output->write_end.get(), 1);
      ::dup2(error->write_end.get(), 2);
      supervisor.close();
      input->write_end.close();
      output->read_end.close();
      error->read_end.close();
      outer.close();
      auto end = run_session(client::Stream(std::move(pair->second), "web", ""),
                             {.terminal = terminal, .detach_keys = *terminal::DetachKeys::parse("ctrl-p,ctrl-q")});
      if (!end) {
        // Kept apart from the command's own statuses.
        std::string text = end.error().text();
        static_cast<void>(base::write_all(2, text));
        ::_exit(99);
      }
      ::_exit(end->detached ? 98 : end->changed ? 97 : end->status);
    }
    in = std::move(input->write_end);
    out = std::move(output->read_end);
    err = std::move(error->read_end);
  }
  ~Play() {
    if (child > 0) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
  }

  void send(FrameType type, std::string_view payload) {
    std::string bytes;
    wire::append_frame(bytes, type, payload);
    ASSERT_TRUE(base::write_all(supervisor.get(), bytes).has_value());
  }
  void send_exit(int status, bool changed = false) {
    send(FrameType::exit, wire::encode_exit({.status = status, .changed = changed}));
  }

  // The next frame that the session sent.
  wire::Frame receive() {
    while (true) {
      if (auto frame = decoder.next(); frame && *frame) return **frame;
      char buffer[4096];
      ssize_t count = wait_readable(supervisor.get()) ? ::read(supervisor.get(), buffer, sizeof buffer) : -1;
      if (count <= 0) {
        ADD_FAILURE() << "no frame came";
        return {};
      }
      decoder.feed({buffer, static_cast<size_t>(count)});
    }
  }
  // All that is written to `fd` until its writer is gone.
  static std::string read_rest(int fd) {
    std::string text;
    char buffer[4096];
    while (wait_readable(fd)) {
      ssize_t count = ::read(fd, buffer, sizeof buffer);
      if (count <= 0) break;
      text.append(buffer, static_cast<size_t>(count));
    }
    return text;
  }
  int status() {
    int result = 0;
    ::waitpid(child, &result, 0);
    child = -1;
    return WIFEXITED(result) ? WEXITSTATUS(result) : -WTERMSIG(result);
  }
  bool is_raw() const {
    termios settings{};
    ::tcgetattr(settings_of.get(), &settings);
    return (settings.c_lflag & ICANON) == 0;
  }
  static bool wait_readable(int fd) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 5000) > 0;
  }

  base::Fd supervisor, in, out, err, outer, settings_of;
  wire::FrameDecoder decoder;
  pid_t child = -1;
};

}  // namespace

TEST(Session, PassesEveryByteAndTheStatus) {
  Play play;
  std::string bytes("\0\x1b]52;c;eA==\x07\xff\n", 15);
  play.send(FrameType::standard_output, bytes);
  play.send(FrameType::standard_error, "problem\n");
  play.send_exit(3);
  EXPECT_EQ(Play::read_rest(play.out.get()), bytes);
  EXPECT_EQ(Play::read_rest(play.err.get()), "problem\n");
  EXPECT_EQ(play.status(), 3);
}

TEST(Session, PassesTheEndOfInputWhileOutputGoesOn) {
  Play play;
  ASSERT_TRUE(base::write_all(play.in.get(), "12345").has_value());
  wire::Frame data = play.receive();
  EXPECT_EQ(data.type, FrameType::standard_input);
  EXPECT_EQ(data.payload, "12345");
  play.in.close();
  EXPECT_EQ(play.receive().type, FrameType::input_end);
  play.send(FrameType::standard_output, "after the end\n");
  play.send_exit(0);
  EXPECT_EQ(Play::read_rest(play.out.get()), "after the end\n");
  EXPECT_EQ(play.status(), 0);
}

TEST(Session, ForwardsSignalsAndEscalates) {
  Play play;
  // The first frame shows that the session has taken over the signals.
  ASSERT_TRUE(base::write_all(play.in.get(), "x").has_value());
  play.receive();
  for (int expected : {SIGINT, SIGTERM, SIGKILL}) {
    ::kill(play.child, SIGINT);
    wire::Frame frame = play.receive();
    EXPECT_EQ(frame.type, FrameType::signal);
    EXPECT_EQ(*wire::decode_signal(frame.payload), expected);
  }
  play.send_exit(130);
  EXPECT_EQ(play.status(), 130);
}

TEST(Session, TellsTheCommandThatItsReaderHasGone) {
  Play play;
  play.out.close();
  play.send(FrameType::standard_output, "nobody reads this");
  wire::Frame frame = play.receive();
  EXPECT_EQ(frame.type, FrameType::signal);
  EXPECT_EQ(*wire::decode_signal(frame.payload), SIGPIPE);
  play.send(FrameType::standard_output, "nor this");
  play.send_exit(141);
  EXPECT_EQ(play.status(), 141);
}

TEST(Session, SaysThatTheConnectionBroke) {
  Play play;
  play.send(FrameType::standard_output, "half");
  play.supervisor.close();
  EXPECT_EQ(Play::read_rest(play.out.get()), "half");
  std::string text = Play::read_rest(play.err.get());
  EXPECT_NE(text.find("broke off"), std::string::npos) << text;
  EXPECT_NE(text.find("hydravisor inspect web"), std::string::npos) << text;
  EXPECT_EQ(play.status(), 99);
}

TEST(Session, TellsWhyACommandCouldNotRunAndKeepsItsStatus) {
  std::string problem =
      R"({"type":"about:blank","title":"Not found","status":404,"code":"not_found","detail":"no-such: not found"})";
  Play missing;
  missing.send(FrameType::error, problem);
  missing.send_exit(127);
  EXPECT_EQ(Play::read_rest(missing.err.get()), "hydravisor: no-such: not found\n");
  EXPECT_EQ(missing.status(), 127);
  Play failed;
  failed.send(FrameType::error, problem);
  failed.send_exit(125);
  EXPECT_EQ(failed.status(), 99);
}

TEST(Session, ReportsThatTheWorkspaceChanged) {
  Play play;
  play.send_exit(0, true);
  EXPECT_EQ(play.status(), 97);
}

TEST(Session, HoldsTheCommandUpWhileItsReaderIsSlow) {
  Play play;
  std::string much(1 << 20, 'y');
  std::string frames;
  wire::append_data(frames, FrameType::standard_output, much);
  ASSERT_TRUE(base::set_nonblocking(play.supervisor.get(), true).has_value());
  size_t sent = 0;
  // Nobody reads standard output: at some point the session takes no more.
  for (int idle = 0; idle < 20;) {
    ssize_t count = ::write(play.supervisor.get(), frames.data() + sent, frames.size() - sent);
    if (count > 0)
      sent += static_cast<size_t>(count);
    else
      ++idle, ::poll(nullptr, 0, 5);
    if (sent == frames.size()) break;
  }
  EXPECT_LT(sent, frames.size());
  // It still serves signals meanwhile.
  ::kill(play.child, SIGTERM);
  EXPECT_EQ(play.receive().type, FrameType::signal);
}

TEST(Session, PutsTheTerminalBackAndFiltersWhatGoesToIt) {
  Play play(true);
  ASSERT_TRUE(base::write_all(play.outer.get(), "a").has_value());
  EXPECT_EQ(play.receive().payload, "a");
  EXPECT_TRUE(play.is_raw());
  // Ctrl-C is a byte for the program inside, not a signal here.
  ASSERT_TRUE(base::write_all(play.outer.get(), "\x03").has_value());
  EXPECT_EQ(play.receive().payload, "\x03");
  play.send(FrameType::standard_output, "x\x1b]52;c;eA==\x07y\x1b[?1049h");
  play.send_exit(0);
  EXPECT_EQ(play.status(), 0);
  EXPECT_FALSE(play.is_raw());
  // The terminal gives in pieces what was written in pieces.
  std::string shown;
  std::string_view expected = "xy\x1b[?1049h\x1b[?1049l";
  char buffer[256];
  while (shown.find(expected) == std::string::npos && Play::wait_readable(play.outer.get())) {
    ssize_t count = ::read(play.outer.get(), buffer, sizeof buffer);
    ASSERT_GT(count, 0) << shown;
    shown.append(buffer, static_cast<size_t>(count));
  }
  EXPECT_EQ(shown.find("52;c"), std::string::npos) << shown;
  EXPECT_NE(shown.find(expected), std::string::npos) << shown;
}

TEST(Session, ForwardsTheWindowsSizeAndDetaches) {
  Play play(true);
  ASSERT_TRUE(base::write_all(play.outer.get(), "a").has_value());
  play.receive();
  winsize size{.ws_row = 40, .ws_col = 132, .ws_xpixel = 0, .ws_ypixel = 0};
  ::ioctl(play.outer.get(), TIOCSWINSZ, &size);
  ::kill(play.child, SIGWINCH);
  wire::Frame resize = play.receive();
  EXPECT_EQ(resize.type, FrameType::resize);
  EXPECT_EQ(*wire::decode_resize(resize.payload), (core::WindowSize{40, 132}));
  ASSERT_TRUE(base::write_all(play.outer.get(), "\x10\x11").has_value());
  EXPECT_EQ(play.receive().type, FrameType::detach);
  EXPECT_EQ(play.status(), 98);
  EXPECT_FALSE(play.is_raw());
}

TEST(Session, PutsTheTerminalBackWhenTheConnectionBreaks) {
  Play play(true);
  ASSERT_TRUE(base::write_all(play.outer.get(), "a").has_value());
  play.receive();
  play.supervisor.close();
  EXPECT_EQ(play.status(), 99);
  EXPECT_FALSE(play.is_raw());
}

}  // namespace hv::cli
