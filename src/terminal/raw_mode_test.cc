#include "terminal/raw_mode.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include "base/fd.h"
#include "terminal/window.h"

namespace hv::terminal {

namespace {

struct Terminal {
  base::Fd outer;
  base::Fd inner;
  static Terminal open() {
    Terminal terminal;
    terminal.outer = base::Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ::grantpt(terminal.outer.get());
    ::unlockpt(terminal.outer.get());
    char name[64];
    ::ptsname_r(terminal.outer.get(), name, sizeof name);
    terminal.inner = base::Fd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    return terminal;
  }
  bool is_raw() const {
    termios settings{};
    ::tcgetattr(inner.get(), &settings);
    return (settings.c_lflag & (ICANON | ECHO)) == 0;
  }
};

}  // namespace

TEST(RawMode, IsTakenBackAtTheEndOfTheScope) {
  Terminal terminal = Terminal::open();
  ASSERT_FALSE(terminal.is_raw());
  {
    auto raw = RawMode::enter(terminal.inner.get());
    ASSERT_TRUE(raw.has_value());
    EXPECT_TRUE(terminal.is_raw());
    raw->restore();
    EXPECT_FALSE(terminal.is_raw());
    raw->resume();
    EXPECT_TRUE(terminal.is_raw());
  }
  EXPECT_FALSE(terminal.is_raw());
}

TEST(RawMode, IsTakenBackWhenTheProgramCrashes) {
  Terminal terminal = Terminal::open();
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto raw = RawMode::enter(terminal.inner.get());
    ::raise(SIGSEGV);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_FALSE(terminal.is_raw());
  EXPECT_NE(status, 0);
}

TEST(RawMode, RefusesWhatIsNoTerminal) {
  auto pipe = base::make_pipe();
  ASSERT_TRUE(pipe.has_value());
  EXPECT_FALSE(RawMode::enter(pipe->read_end.get()).has_value());
  EXPECT_FALSE(is_terminal(pipe->read_end.get()));
}

TEST(Window, HasTheTerminalsSizeOrAUsualOne) {
  Terminal terminal = Terminal::open();
  winsize size{.ws_row = 40, .ws_col = 132, .ws_xpixel = 0, .ws_ypixel = 0};
  ::ioctl(terminal.outer.get(), TIOCSWINSZ, &size);
  EXPECT_EQ(window_size(terminal.inner.get()), (WindowSize{40, 132}));
  auto pipe = base::make_pipe();
  EXPECT_EQ(window_size(pipe->read_end.get()), (WindowSize{24, 80}));
}

}  // namespace hv::terminal
